"""Make images as OCI image layouts on disk, with random layers that container engines can unpack."""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecr_emulator.domain.manifest import OCI_INDEX, OCI_MANIFEST
from ecr_emulator.domain.names import digest_of

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
COSIGN_ARTIFACT = "application/vnd.dev.cosign.artifact.sig.v1+json"
SIZES = (3_000_000, 700)
"""Number of random bytes in each layer of an image."""


class Layout:
    """A folder with an OCI image layout, as skopeo and crane read and write it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, media_type: str, data: bytes) -> dict[str, Any]:
        """Store a blob; returns its descriptor."""
        digest = digest_of(data)
        path = self.path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def add_file(self, media_type: str, path: Path) -> dict[str, Any]:
        """Move a file into the layout as a blob, holes included, and return its descriptor."""
        digest = _digest_of_file(path)
        blob = self.path(digest)
        blob.parent.mkdir(parents=True, exist_ok=True)
        return {"mediaType": media_type, "digest": digest, "size": path.rename(blob).stat().st_size}

    def add_image(
        self, layers: Sequence[dict[str, Any]], architecture: str = "amd64", **members: Any
    ) -> dict[str, Any]:
        """Store an image of plain tar files; returns its descriptor. ``members`` go into its manifest."""
        rootfs = {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}
        config = self.add_json(OCI_CONFIG, {"architecture": architecture, "os": "linux", "rootfs": rootfs})
        manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}
        return self.add_json(OCI_MANIFEST, manifest | members)

    def add_index(self, children: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Store an index of images, or of indexes; returns its descriptor."""
        return self.add_json(OCI_INDEX, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children})

    def add_json(self, media_type: str, document: Any) -> dict[str, Any]:
        """Store a document; returns its descriptor."""
        return self.add(media_type, json.dumps(document).encode())

    def finish(self, top: dict[str, Any], tag: str = "1.0") -> Layout:
        """Set the image of the layout."""
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        annotated = top | {"annotations": {"org.opencontainers.image.ref.name": tag}}
        (self.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [annotated]}))
        return self

    def archive(self, path: Path) -> None:
        """Write the layout as a tar file."""
        with tarfile.open(path, "w") as archive:
            archive.add(self.folder, arcname=".")

    def blobs(self) -> set[str]:
        """Return the digests of all blobs, manifests included."""
        return {f"sha256:{path.name}" for path in (self.folder / "blobs" / "sha256").iterdir()}

    def read(self, digest: str) -> bytes:
        """Return the bytes of a blob, verified against its digest."""
        data = self.path(digest).read_bytes()
        assert digest_of(data) == digest
        return data

    def verify(self) -> None:
        """Check every blob against its digest."""
        for digest in self.blobs():
            assert _digest_of_file(self.path(digest)) == digest

    def top(self) -> str:
        """The digest of the image that the layout is of."""
        digest: str = json.loads((self.folder / "index.json").read_text())["manifests"][0]["digest"]
        return digest

    def manifest(self) -> dict[str, Any]:
        """The manifest of the image that the layout is of."""
        document: dict[str, Any] = json.loads(self.read(self.top()))
        return document

    def child(self, architecture: str) -> str:
        """The digest of the image for an architecture."""
        (digest,) = (
            each["digest"] for each in self.manifest()["manifests"] if each["platform"]["architecture"] == architecture
        )
        return str(digest)

    def diff_ids(self, digest: str | None = None) -> list[str]:
        """The digests of the unpacked layers of an image of one architecture, or of a child."""
        manifest = json.loads(self.read(digest or self.top()))
        digests: list[str] = json.loads(self.read(manifest["config"]["digest"]))["rootfs"]["diff_ids"]
        return digests

    def path(self, digest: str) -> Path:
        """Return the path of a blob, which need not exist."""
        return self.folder.joinpath("blobs", *digest.split(":"))


def single_image(folder: Path, seed: object, architecture: str = "amd64", sizes: Sequence[int] = SIZES) -> Layout:
    """Make an image of one architecture. Equal seeds make equal images."""
    layout = Layout(folder)
    return layout.finish(_noisy_image(layout, random.Random(str(seed)), architecture, sizes))


def multi_architecture_image(folder: Path, seed: object) -> Layout:
    """Make an index of images for two architectures."""
    layout = Layout(folder)
    noise = random.Random(str(seed))
    return layout.finish(
        layout.add_index(
            [
                _noisy_image(layout, noise, architecture, SIZES)
                | {"platform": {"os": "linux", "architecture": architecture}}
                for architecture in ("amd64", "arm64")
            ]
        )
    )


def signature(folder: Path, image: Layout, *, refers: bool) -> Layout:
    """Make a signature as cosign writes it: found by its tag, or as a referrer of the image."""
    layout = Layout(folder)
    critical = {"image": {"docker-manifest-digest": image.top()}, "type": "cosign container image signature"}
    payload = layout.add_json(SIMPLE_SIGNING, {"critical": critical, "optional": None})
    rootfs = {"type": "layers", "diff_ids": [payload["digest"]]}
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": layout.add_json(OCI_CONFIG, {"architecture": "", "os": "", "rootfs": rootfs}),
        "layers": [payload | {"annotations": {"dev.cosignproject.cosign/signature": "bm90IGEgcmVhbCBvbmU="}}],
    }
    if refers:
        manifest["artifactType"] = COSIGN_ARTIFACT
        manifest["subject"] = {
            "mediaType": OCI_MANIFEST,
            "digest": image.top(),
            "size": len(image.read(image.top())),
        }
    return layout.finish(layout.add_json(OCI_MANIFEST, manifest), signature_tag(image))


def signature_tag(image: Layout) -> str:
    """Return the tag under which cosign looks for an image's signatures."""
    return image.top().replace(":", "-") + ".sig"


def _noisy_image(layout: Layout, noise: random.Random, architecture: str, sizes: Sequence[int]) -> dict[str, Any]:
    layers = [layout.add(OCI_LAYER, tar(f"noise-{size}", noise.randbytes(size))) for size in sizes]
    return layout.add_image(layers, architecture)


def _digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def tar(name: str, data: bytes) -> bytes:
    """Return a tar archive of one file."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return file.getvalue()
