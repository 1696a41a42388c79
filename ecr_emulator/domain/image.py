"""An image: a manifest in a repository, with the tags that point at it."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime

from ecr_emulator.domain.manifest import FOREIGN_TYPES
from ecr_emulator.domain.names import algorithm_of, digest_of
from ecr_emulator.quick_dataclasses import dataclass

ACTIVE = "ACTIVE"
ARCHIVED = "ARCHIVED"
ACTIVATING = "ACTIVATING"


@dataclass(frozen=True, slots=True)
class ImageId:
    """An image identifier of a client: a digest, a tag, or both, which must then mean the same image."""

    digest: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """The metadata of a stored manifest. ``tags`` are sorted. ``key`` is the key of the storage.

    ``size_in_bytes`` is the size of config and layers; for an index, the size of its largest child. ``status`` is one
    of ACTIVE, ARCHIVED and ACTIVATING; only an active image can be pulled.
    """

    digest: str
    media_type: str
    pushed_at: datetime
    size_in_bytes: int = 0
    artifact_media_type: str | None = None
    subject: str | None = None
    status: str = ACTIVE
    last_pulled_at: datetime | None = None
    last_archived_at: datetime | None = None
    last_activated_at: datetime | None = None
    tags: tuple[str, ...] = ()
    key: int = 0

    @property
    def is_active(self) -> bool:
        """Whether the image can be pulled."""
        return self.status == ACTIVE


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """The tag status and the image status that a client asks for."""

    tag_status: str = "ANY"
    image_status: str = ACTIVE

    @property
    def tagged(self) -> tuple[bool, ...]:
        """Whether tagged images are asked for, untagged ones, or both."""
        return {"TAGGED": (True,), "UNTAGGED": (False,)}.get(self.tag_status, (True, False))

    @property
    def statuses(self) -> tuple[str, ...]:
        """The image statuses that are asked for."""
        return (ACTIVE, ARCHIVED, ACTIVATING) if self.image_status == "ANY" else (self.image_status,)

    def admits(self, image: Image) -> bool:
        """Return whether an image passes the filter."""
        return bool(image.tags) in self.tagged and image.status in self.statuses


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest with its bytes exactly as they were received."""

    digest: str
    media_type: str
    raw: bytes

    @property
    def is_whole(self) -> bool:
        """Whether the bytes match the digest."""
        return digest_of(self.raw, algorithm_of(self.digest)) == self.digest


@dataclass(frozen=True, slots=True)
class Layer:
    """A verified blob that a repository holds, or a blob that an image of the repository references.

    ``media_type`` is that of the reference; None if no image references the blob. A layer is archived if only
    archived images reference it, and loose if no image does. ``given_at`` is the time when the repository received
    the layer, or when a client was last told that the repository has it; None if the repository does not hold it.
    """

    digest: str
    size: int
    media_type: str | None = None
    is_archived: bool = False
    is_loose: bool = field(default=False, compare=False)
    given_at: datetime | None = field(default=None, compare=False)

    @property
    def is_foreign(self) -> bool:
        """Whether a registry may lack this layer, according to the media type of the reference."""
        return (self.media_type or "").startswith(FOREIGN_TYPES)
