"""Images in files: OCI layouts, as folders or tar files, and archives of ``docker save``.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import tarfile
from collections.abc import Sequence
from io import BufferedReader, FileIO, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from ecr_emulator.domain.manifest import OCI_MANIFEST, read_manifest
from ecr_emulator.seeds.images import CONFIG, LAYER, Blob, ImageContents, RawManifest

REF_NAME = "org.opencontainers.image.ref.name"
GZIP = b"\x1f\x8b"


class _Files(Protocol):
    """Files by their names, in a folder or in a tar file."""

    def open(self, name: str) -> BinaryIO:
        """Open a file. Raises ``FileNotFoundError``."""


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self, name: str) -> BinaryIO:
        return (self._path / name).open("rb")


class _Tar:
    """An uncompressed tar file, of which any number of members can be open at the same time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with tarfile.open(path, "r:") as archive:
            self._members = {posixpath.normpath(member.name): member for member in archive.getmembers()}

    def open(self, name: str) -> BinaryIO:
        member = self._members.get(posixpath.normpath(name))
        while member is not None and member.issym():  # docker save links equal layers
            member = self._members.get(
                posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.linkname))
            )
        if member is None or not member.isfile():
            raise FileNotFoundError(f"{self._path} lacks {name}")
        return BufferedReader(_Member(self._path, member.offset_data, member.size))


class _Member(RawIOBase):
    """The bytes of one member of a tar file, read from the start to the end."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        self._file = FileIO(path)
        self._file.seek(start)
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(memoryview(buffer)[: self._left]) or 0
        self._left -= count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def read_oci_layout(path: Path, select: str | None = None) -> ImageContents:
    """Return the image of a layout, or the one that is selected by its name or digest.

    Raises ``ValueError`` and ``OSError`` with the reason.
    """
    files = _files(path)
    described = _json(files, "index.json")["manifests"]
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
    files = _files(path)
    images = _json(files, "manifest.json")
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


def _files(path: Path) -> _Files:
    if path.is_dir():
        return _Folder(path)
    try:
        return _Tar(path)
    except tarfile.ReadError:
        raise ValueError(f"{path} is neither a folder nor an uncompressed tar file") from None


def _json(files: _Files, name: str) -> Any:
    with files.open(name) as file:
        return json.load(file)


def _select(path: Path, names: Sequence[str], keys: Sequence[str | list[str]], select: str | None) -> int:
    """Return which of several images is selected."""
    if select is None and len(names) == 1:
        return 0
    for number, (name, key) in enumerate(zip(names, keys, strict=True)):
        if select is not None and (select == name or select in ([key] if isinstance(key, str) else key)):
            return number
    problem = f"has no {select}" if select else "has several images"
    raise ValueError(f"{path} {problem}; select one of: {'; '.join(names) or 'none'}")


def _collect(files: _Files, descriptor: dict[str, Any], manifests: list[RawManifest], blobs: dict[str, Blob]) -> None:
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


def _blob(files: _Files, name: str, media_type: str) -> Blob:
    """Return the blob of a file; a compressed layer has the media type of one."""
    with files.open(name) as file:
        is_compressed = media_type == LAYER and file.read(2) == GZIP
    with files.open(name) as file:
        digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"  # type: ignore[arg-type]
    with files.open(name) as file:
        size = sum(map(len, iter(lambda: file.read(1024 * 1024), b"")))
    return Blob(f"{LAYER}+gzip" if is_compressed else media_type, digest, size, _opener(files, name))


def _opener(files: _Files, name: str) -> Any:
    return lambda: files.open(name)


def _path(digest: str) -> str:
    return os.path.join("blobs", *digest.split(":", 1))
