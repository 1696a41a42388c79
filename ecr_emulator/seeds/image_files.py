"""Images in files: OCI layouts and archives of ``docker save``, as folders or tar files.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecr_emulator.domain.manifest import OCI_MANIFEST, read_manifest
from ecr_emulator.seeds.archives import GZIP, Files, files_of
from ecr_emulator.seeds.images import CONFIG, LAYER, Blob, ImageContents, RawManifest

REF_NAME = "org.opencontainers.image.ref.name"


def read_oci_layout(path: Path, select: str | None = None) -> ImageContents:
    """Return the image of a layout, or the one that is selected by its name or digest.

    Raises ``ValueError`` and ``OSError`` with the reason.
    """
    files = files_of(path)
    if not files.has("index.json"):
        raise ValueError(f"{path} is no OCI layout, because it lacks index.json{_hint(path, files)}")
    described = _json(path, files, "index.json")["manifests"]
    names = [each.get("annotations", {}).get(REF_NAME, each["digest"]) for each in described]
    chosen = _select(path, names, [each["digest"] for each in described], select)
    manifests: list[RawManifest] = []
    blobs: dict[str, Blob] = {}
    _collect(files, described[chosen], manifests, blobs)
    return ImageContents(tuple(manifests), tuple(blobs.values()))


def read_docker_archive(path: Path, select: str | None = None) -> ImageContents:
    """Return the image of an archive, or the one of several that has a name. It gets a manifest of OCI.

    Raises ``ValueError`` and ``OSError`` with the reason.
    """
    files = files_of(path)
    if not files.has("manifest.json"):
        raise ValueError(f"{path} is no archive of docker save, because it lacks manifest.json{_hint(path, files)}")
    images = _json(path, files, "manifest.json")
    if not isinstance(images, list):
        raise ValueError(f"{path} is no archive of docker save{_hint(path, files)}")
    names = [", ".join(each.get("RepoTags") or ["without a name"]) for each in images]
    tags = [each.get("RepoTags") or [] for each in images]
    chosen = images[_select(path, names, tags, select)]
    config = _blob(files, chosen["Config"], CONFIG)
    layers = [_blob(files, name, LAYER) for name in chosen["Layers"]]
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.descriptor,
        "layers": [layer.descriptor for layer in layers],
    }
    return ImageContents((RawManifest(OCI_MANIFEST, json.dumps(manifest).encode()),), (config, *layers))


def _json(path: Path, files: Files, name: str) -> Any:
    try:
        with files.open(name) as file:
            return json.load(file)
    except ValueError:
        raise ValueError(f"{path} is damaged: its {name} is not JSON") from None


def _select(path: Path, names: Sequence[str], keys: Sequence[str | list[str]], select: str | None) -> int:
    """Return which of several images is selected."""
    if select is None and len(names) == 1:
        return 0
    for number, (name, key) in enumerate(zip(names, keys, strict=True)):
        if select is not None and (select == name or select in ([key] if isinstance(key, str) else key)):
            return number
    if not names:
        raise ValueError(f"{path} has no images")
    problem = f"has no {select}" if select else "has several images"
    raise ValueError(f"{path} {problem}; select one of: {'; '.join(names)}")


def _hint(path: Path, files: Files) -> str:
    """Return the likely format of files that have another one than was named."""
    if files.has("index.json"):
        return "; it is an OCI layout: use oci_layout"
    if files.has("manifest.json"):
        if isinstance(_json(path, files, "manifest.json"), list):
            return "; it is an archive of docker save: use docker_archive"
        return f"; skopeo wrote it as dir: make a layout with `skopeo copy dir:{path} oci:LAYOUT`, and use oci_layout"
    return "; Docker before 1.10 wrote it: load it and save it again" if files.has("repositories") else ""


def _collect(files: Files, descriptor: dict[str, Any], manifests: list[RawManifest], blobs: dict[str, Blob]) -> None:
    """Add an image with everything that it refers to, children first."""
    with files.open(_path(descriptor["digest"])) as file:
        manifest = RawManifest(descriptor["mediaType"], file.read())
    content = read_manifest(manifest.raw, manifest.media_type)
    for child in content.children:
        _collect(files, {"digest": child.digest, "mediaType": child.media_type}, manifests, blobs)
    for blob in content.listed_blobs:
        if not blob.is_foreign:
            blobs[blob.digest] = Blob(blob.media_type, blob.digest, blob.size, _opener(files, _path(blob.digest)))
    if manifest.digest not in {each.digest for each in manifests}:
        manifests.append(manifest)


def _blob(files: Files, name: str, media_type: str) -> Blob:
    """Return the blob of a file; a compressed layer has the media type of one."""
    with files.open(name) as file:
        is_compressed = media_type == LAYER and file.read(2) == GZIP
    with files.open(name) as file:
        digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"  # type: ignore[arg-type]
    with files.open(name) as file:
        size = sum(map(len, iter(lambda: file.read(1024 * 1024), b"")))
    return Blob(f"{LAYER}+gzip" if is_compressed else media_type, digest, size, _opener(files, name))


def _opener(files: Files, name: str) -> Any:
    return lambda: files.open(name)


def _path(digest: str) -> str:
    return os.path.join("blobs", *digest.split(":", 1))
