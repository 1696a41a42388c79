"""Images as upstream registries hold them: random-seeded layers, OCI or Docker media types, whole indexes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ecr_emulator.domain.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from ecr_emulator.quick_dataclasses import dataclass

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@dataclass(frozen=True)
class Content:
    """Bytes with the media type that a descriptor gives them."""

    raw: bytes
    media_type: str

    @property
    def digest(self) -> str:
        return f"sha256:{hashlib.sha256(self.raw).hexdigest()}"

    @property
    def size(self) -> int:
        return len(self.raw)

    @property
    def descriptor(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True)
class UpstreamImage(Content):
    """The manifest of one platform, with everything it refers to."""

    config: Content
    layers: tuple[Content, ...]
    architecture: str = "amd64"

    @property
    def blobs(self) -> tuple[Content, ...]:
        return (self.config, *self.layers)


@dataclass(frozen=True)
class UpstreamIndex(Content):
    """A manifest list or image index, with its images."""

    images: tuple[UpstreamImage, ...]


def layer(seed: object, size: int = 1_000, media_type: str = OCI_LAYER) -> Content:
    """A layer of so many bytes; equal seeds make equal layers."""
    return Content(hashlib.shake_256(str(seed).encode()).digest(size), media_type)


def image(seed: object = 1, *layers: Content, docker: bool = False, architecture: str = "amd64") -> UpstreamImage:
    """An image of the given layers, or of one small one."""
    layers = layers or (layer(seed, media_type=DOCKER_LAYER if docker else OCI_LAYER),)
    config = Content(
        _json({"architecture": architecture, "os": "linux", "config": {"Labels": {"seed": str(seed)}}}),
        DOCKER_CONFIG if docker else OCI_CONFIG,
    )
    media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
    document = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": config.descriptor,
        "layers": [each.descriptor for each in layers],
    }
    return UpstreamImage(_json(document), media_type, config, layers, architecture)


def artifact(
    subject: Content, seed: object = "signature", artifact_type: str = SIGNATURE, **members: Any
) -> UpstreamImage:
    """Something that refers to an image: one small layer, and the empty config of OCI."""
    config = Content(b"{}", "application/vnd.oci.empty.v1+json")
    payload = layer(f"{artifact_type} {seed}", 100, "application/octet-stream")
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": config.descriptor,
        "layers": [payload.descriptor],
        "subject": subject.descriptor,
    }
    return UpstreamImage(_json(document | members), OCI_MANIFEST, config, (payload,))


def index(*images: UpstreamImage, docker: bool = False) -> UpstreamIndex:
    """An index of the given images."""
    media_type = DOCKER_LIST if docker else OCI_INDEX
    manifests = [each.descriptor | {"platform": {"os": "linux", "architecture": each.architecture}} for each in images]
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}
    return UpstreamIndex(_json(document), media_type, images)


def multi_arch(
    seed: object = 1, architectures: tuple[str, ...] = ("amd64", "arm64"), *, docker: bool = False
) -> UpstreamIndex:
    """An index with one small image for each architecture."""
    images = (image(f"{seed} {each}", docker=docker, architecture=each) for each in architectures)
    return index(*images, docker=docker)


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=3).encode()
