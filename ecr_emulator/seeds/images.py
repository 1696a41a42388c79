"""Images made from nothing: real OCI manifests, configs and tar layers, whose bytes depend on the arguments alone."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any, BinaryIO

from ecr_emulator.domain.manifest import OCI_INDEX, OCI_MANIFEST
from ecr_emulator.domain.names import digest_of
from ecr_emulator.quick_dataclasses import dataclass

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
EMPTY_CONFIG = "application/vnd.oci.empty.v1+json"
SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
CREATED = "2020-01-01T00:00:00Z"
"""Date in the configs. A date of today would give every run other digests."""
TAR_BLOCK = 512
SMALLEST_LAYER = 4 * TAR_BLOCK
"""Bytes of a tar file with one block of content: a header, the content, and two empty blocks at the end."""
DEFAULT_SIZE = 4096


@dataclass(frozen=True, slots=True)
class Blob:
    """A config or a layer: its descriptor, and a way to read it."""

    media_type: str
    digest: str
    size: int
    open: Callable[[], BinaryIO]

    @classmethod
    def of(cls, media_type: str, data: bytes) -> Blob:
        """Return the blob of some bytes in memory."""
        return cls(media_type, digest_of(data), len(data), lambda: BytesIO(data))

    @property
    def descriptor(self) -> dict[str, Any]:
        """``{"mediaType": …, "digest": …, "size": …}``"""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True, slots=True)
class RawManifest:
    """A manifest or an index as it is pushed, byte for byte."""

    media_type: str
    raw: bytes

    @property
    def digest(self) -> str:
        """The digest of the bytes."""
        return digest_of(self.raw)

    @property
    def descriptor(self) -> dict[str, Any]:
        """``{"mediaType": …, "digest": …, "size": …}``"""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.raw)}


@dataclass(frozen=True, slots=True)
class ImageContents:
    """An image with everything that it refers to.

    ``manifests`` are in the order in which a registry takes them: children before the indexes that list them, the
    image itself last.
    """

    manifests: tuple[RawManifest, ...]
    blobs: tuple[Blob, ...]

    @property
    def top(self) -> RawManifest:
        """The manifest that a tag points at."""
        return self.manifests[-1]

    @property
    def digest(self) -> str:
        """The digest of the image."""
        return self.top.digest


def synthetic_image(
    seed: str, platforms: Sequence[str] = ("linux/amd64",), layers: int = 1, size: int = DEFAULT_SIZE
) -> ImageContents:
    """Make an image that container engines can unpack; equal arguments make equal images, on every machine.

    With several platforms (``linux/arm64``, ``linux/arm/v7``) it is an index of one image for each, with layers of its
    own. ``size`` is how many bytes the layers of one platform have together. Each layer is an uncompressed tar file
    of whole blocks of 512 bytes with one file of noise in it; it has 2048 bytes at the least.
    Raises ``ValueError`` for arguments that no image can have.
    """
    _check_numbers(layers=layers, size=size)
    if isinstance(platforms, str) or not platforms:
        raise ValueError(f"platforms is a list with at least one platform, like ['linux/amd64'], not {platforms!r}")
    images = [_platform_image(seed, platform, layers, size) for platform in platforms]
    if len(images) == 1:
        return images[0]
    children = [
        image.top.descriptor | {"platform": _platform(name)} for name, image in zip(platforms, images, strict=True)
    ]
    index = _manifest(OCI_INDEX, {"manifests": children})
    return ImageContents(
        (*(image.top for image in images), index), tuple(blob for image in images for blob in image.blobs)
    )


def synthetic_referrer(subject: RawManifest, artifact_type: str = SIGNATURE, seed: str = "") -> ImageContents:
    """Make an artifact that refers to an image, as signatures and bills of materials do."""
    config = Blob.of(EMPTY_CONFIG, b"{}")
    payload = Blob.of("application/octet-stream", f"{artifact_type} of {subject.digest} {seed}".encode())
    members = {
        "artifactType": artifact_type,
        "config": config.descriptor,
        "layers": [payload.descriptor],
        "subject": subject.descriptor,
    }
    return ImageContents((_manifest(OCI_MANIFEST, members),), (config, payload))


def _check_numbers(**numbers: int) -> None:
    for name, number in numbers.items():
        if not isinstance(number, int) or number < 1:
            raise ValueError(f"{name} must be a whole number above 0, not {number!r}")


def _platform_image(seed: str, platform: str, layers: int, size: int) -> ImageContents:
    sizes = [size // layers] * (layers - 1) + [size - size // layers * (layers - 1)]
    contents = [
        Blob.of(LAYER, _tar(f"layer-{number}", f"{seed} {platform} {number}", layer_size))
        for number, layer_size in enumerate(sizes, start=1)
    ]
    rootfs = {"type": "layers", "diff_ids": [layer.digest for layer in contents]}
    config = Blob.of(CONFIG, _json({"created": CREATED, **_platform(platform), "config": {}, "rootfs": rootfs}))
    members = {"config": config.descriptor, "layers": [layer.descriptor for layer in contents]}
    return ImageContents((_manifest(OCI_MANIFEST, members),), (config, *contents))


def _platform(name: str) -> dict[str, str]:
    """Return the members of a platform: ``linux/arm/v7`` is an operating system, an architecture and a variant."""
    parts = name.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise ValueError(f"a platform is like linux/amd64 or linux/arm/v7, not {name!r}")
    return dict(zip(("os", "architecture", "variant"), parts, strict=False))


def _manifest(media_type: str, members: dict[str, Any]) -> RawManifest:
    return RawManifest(media_type, _json({"schemaVersion": 2, "mediaType": media_type} | members))


def _tar(name: str, seed: str, size: int) -> bytes:
    """Return a tar file of ``size`` bytes, rounded up to whole blocks, with one file of noise."""
    blocks = max(-(-size // TAR_BLOCK), SMALLEST_LAYER // TAR_BLOCK)
    member = tarfile.TarInfo(name)
    member.size = (blocks - 3) * TAR_BLOCK
    noise = hashlib.shake_256(seed.encode()).digest(member.size)
    return member.tobuf(tarfile.USTAR_FORMAT) + noise + bytes(2 * TAR_BLOCK)


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()
