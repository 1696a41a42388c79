"""An image: a manifest in a repository, with the tags that point at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ecr_emulator.domain.manifest import FOREIGN_TYPES
from ecr_emulator.domain.names import algorithm_of, digest_of

ACTIVE = "ACTIVE"
ARCHIVED = "ARCHIVED"
ACTIVATING = "ACTIVATING"


@dataclass(frozen=True, slots=True)
class ImageId:
    """How a client names an image: by digest, by tag, or by both, which then must agree."""

    digest: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """What ECR knows of a stored manifest. ``tags`` are sorted. ``key`` is the storage's handle.

    ``size_in_bytes`` is config plus layers; for an index, the largest of its children. ``status`` is one of ACTIVE,
    ARCHIVED and ACTIVATING; only an active image can be pulled.
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
        """Whether it can be pulled."""
        return self.status == ACTIVE


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest ready to be served: the bytes exactly as they were received."""

    digest: str
    media_type: str
    raw: bytes

    @property
    def is_whole(self) -> bool:
        """Whether these are the bytes that its digest names."""
        return digest_of(self.raw, algorithm_of(self.digest)) == self.digest


@dataclass(frozen=True, slots=True)
class Layer:
    """A verified blob that belongs to a repository, or one that an image of the repository refers to.

    ``media_type`` is that of the reference, None while no image refers to it. A layer is archived when only
    archived images refer to it, and loose when no image does. ``given_at`` is when the repository was given it, or a
    client was last told that it is there; None where the repository does not hold it.
    """

    digest: str
    size: int
    media_type: str | None = None
    is_archived: bool = False
    is_loose: bool = field(default=False, compare=False)
    given_at: datetime | None = field(default=None, compare=False)

    @property
    def is_foreign(self) -> bool:
        """Whether a registry may lack it, by the media type of the reference."""
        return (self.media_type or "").startswith(FOREIGN_TYPES)
