"""The contents of an image for people: its platforms, layers and configs, as far as they are stored.

Reading them counts as no pull.
"""

from __future__ import annotations

from contextlib import closing

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.image_config import ImageConfig, read_image_config
from ecr_emulator.domain.manifest import INDEX_TYPES, Descriptor, Manifest, read_manifest
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import EcrError
from ecr_emulator.ports.blobs import Blobs
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.quick_dataclasses import dataclass

MOST_CHILDREN = 40
"""Maximum number of images below an index that are read."""
DEEPEST = 3
"""Maximum number of indexes within each other that are read."""
LARGEST_CONFIG = 512 * 1024
"""Maximum bytes of a config that is read."""


@dataclass(frozen=True, slots=True)
class ImageNode:
    """An image with the images below it. ``size`` is the number of bytes of all configs and layers below it.

    ``is_stored`` is False for an image that an index lists and the repository does not have. ``omitted`` is the number
    of images that the index lists and that were not read.
    """

    digest: str
    media_type: str
    size: int
    platform: str = ""
    artifact_type: str | None = None
    is_stored: bool = True
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    children: tuple[ImageNode, ...] = ()
    omitted: int = 0

    @property
    def is_index(self) -> bool:
        """Whether the image lists other images and has no layers of its own."""
        return self.media_type in INDEX_TYPES


def read_contents(work: UnitOfWork, repository: Repository, image: Image, blobs: Blobs) -> ImageNode:
    """Read the contents of an image. A manifest that is damaged appears to have none."""
    manifest = _manifest_of(work, image)
    config = config_of(manifest, blobs) if manifest else None
    return _node(work, repository, image, manifest, config.platform if config else "", DEEPEST)


def read_config(work: UnitOfWork, image: Image, blobs: Blobs) -> ImageConfig | None:
    """Read the config of a container image; None if it has none, or if the config is not stored."""
    manifest = _manifest_of(work, image)
    return config_of(manifest, blobs) if manifest else None


def platforms_of(work: UnitOfWork, image: Image, blobs: Blobs) -> list[str]:
    """Return the platforms of an image, each once: those that an index names, or the one in the config."""
    manifest = _manifest_of(work, image)
    if manifest is None:
        return []
    if manifest.is_index:
        return list(dict.fromkeys(each.platform for each in manifest.children if is_known(each.platform)))
    config = config_of(manifest, blobs)
    return [config.platform] if config and config.platform else []


def is_known(platform: str) -> bool:
    """Whether a platform is one. BuildKit gives its attestations the platform ``unknown/unknown``."""
    return platform not in ("", "unknown/unknown")


def config_of(manifest: Manifest, blobs: Blobs) -> ImageConfig | None:
    """Return the config that a manifest names, if it is one of a container image and stored."""
    config = manifest.config
    if config is None or config.size > LARGEST_CONFIG or not config.size:
        return None
    raw = config.inline
    if raw is None:
        try:
            with closing(blobs.open(config.digest)) as file:
                raw = file.read(LARGEST_CONFIG)
        except FileNotFoundError:
            return None
    return read_image_config(raw)


def _node(
    work: UnitOfWork, repository: Repository, image: Image, manifest: Manifest | None, platform: str, depth: int
) -> ImageNode:
    if manifest is None:
        return ImageNode(image.digest, image.media_type, image.size_in_bytes, platform, image.artifact_media_type)
    listed = manifest.children[:MOST_CHILDREN] if depth else ()
    children = tuple(_child(work, repository, each, depth - 1) for each in listed)
    return ImageNode(
        digest=image.digest,
        media_type=image.media_type,
        size=sum(child.size for child in children) if manifest.is_index else manifest.size_in_bytes,
        platform=platform,
        artifact_type=image.artifact_media_type,
        config=manifest.config,
        layers=manifest.layers,
        children=children,
        omitted=len(manifest.children) - len(children),
    )


def _child(work: UnitOfWork, repository: Repository, listed: Descriptor, depth: int) -> ImageNode:
    image = work.images.find(repository, listed.digest)
    if image is None:
        return ImageNode(listed.digest, listed.media_type, 0, listed.platform, is_stored=False)
    return _node(work, repository, image, _manifest_of(work, image), listed.platform, depth)


def _manifest_of(work: UnitOfWork, image: Image) -> Manifest | None:
    stored = work.images.manifest(image)
    try:
        return read_manifest(stored.raw, stored.media_type)
    except EcrError:
        return None
