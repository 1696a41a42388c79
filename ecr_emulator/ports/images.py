"""The ports of images: manifests, tags, scans and documents."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from ecr_emulator.domain.findings import ToldFindings
from ecr_emulator.domain.image import Image, ImageFilter, StoredManifest
from ecr_emulator.domain.manifest import Manifest
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.scanning import Scan
from ecr_emulator.domain.validation_timer import Validation


class Images(Protocol):
    """The images of repositories. ``Tags`` moves their tags.

    Twelve methods: an image, its manifest and its references are stored and removed together.
    """

    def find(self, repository: Repository, digest: str) -> Image | None:
        """Return the image with this digest, including its tags; None if there is none."""

    def find_all(self, repository: Repository, digests: Collection[str]) -> dict[str, Image]:
        """Return those of the images with these digests that exist, by digest, including their tags."""

    def add(self, repository: Repository, image: Image, manifest: Manifest, raw: bytes) -> Image:
        """Store a manifest, its references and its tags, which leave other images. Returns the image with its key.

        Raises ``ImageAlreadyExistsException``.
        """

    def remove(self, repository: Repository, *gone: Image) -> None:
        """Remove images, their tags and their references."""

    def manifest(self, image: Image) -> StoredManifest:
        """Return the manifest of an image as it was received."""

    def mend(self, digest: str, raw: bytes) -> None:
        """Replace the stored bytes of a manifest, if they differ, by bytes that match the digest."""

    def page(self, repository: Repository, after: str, limit: int) -> list[Image]:
        """Return at most ``limit`` images with digests after ``after``, in order of digest, including their tags."""

    def filtered_page(self, repository: Repository, after: str, limit: int, chosen: ImageFilter) -> list[Image]:
        """Return a page like ``page``, of the images that a filter admits."""

    def count(self, repository: Repository) -> int:
        """Return the number of images in a repository."""

    def newest_key(self) -> int:
        """Return the key of the newest image of all repositories, or 0. Later images have greater keys."""

    def pulled(self, key: int, now: datetime) -> None:
        """Record a pull of the image with this key."""

    def save(self, image: Image) -> None:
        """Store an image whose size, status or dates have changed."""


class ImageRelations(Protocol):
    """Relations between the images of a repository: indexes list images, and referrers have a subject."""

    def parents(self, repository: Repository, digest: str) -> list[str]:
        """Return the digests of the indexes in this repository that list an image, in order."""

    def parents_of(
        self, repository: Repository, digests: Collection[str], *, only_active: bool
    ) -> dict[str, list[str]]:
        """Return the parents of each of the digests that has any; with ``only_active`` those that are not archived."""

    def referrers(self, repository: Repository, subject: str) -> list[Image]:
        """Return the images whose subject is this digest, in order of digest."""

    def subjects(self, repository: Repository, digests: Collection[str]) -> list[str]:
        """Return those of the digests that are subjects of images, in order."""


class CachedTag(NamedTuple):
    """A tag with the digest of its image; ``validation`` is None if no pull through imported the tag."""

    tag: str
    digest: str
    validation: Validation | None


class Tags(Protocol):
    """The tags of repositories and the images that they point at.

    Seven methods: what is known about the upstream of a tag is kept with it.
    """

    def find(self, repository: Repository, tag: str) -> Image | None:
        """Return the image that a tag points at, including all its tags; None if there is no such tag."""

    def put(self, repository: Repository, tag: str, image: Image, now: datetime) -> None:
        """Create a tag that points at an image, or move it there."""

    def remove(self, repository: Repository, tag: str) -> None:
        """Remove a tag; its image stays."""

    def page(self, repository: Repository, after: str, limit: int) -> list[str]:
        """Return at most ``limit`` tags after the tag ``after``, in ASCII order."""

    def cached_page(self, repository: Repository, after: str, limit: int) -> list[CachedTag]:
        """Return a page like ``page``, with the digests and validations of the tags."""

    def validation(self, repository: Repository, tag: str) -> Validation | None:
        """Return what was last known about the upstream of a tag; None if no pull through imported the tag."""

    def save_validation(self, repository: Repository, tag: str, validation: Validation) -> None:
        """Store what is known about the upstream of a tag. Does nothing if the tag no longer exists."""


class ImageDocuments(Protocol):
    """Facts about images as JSON values with names. They are removed with their image."""

    def find(self, image: Image, name: str) -> Any | None:
        """Return the document with this name, or None."""

    def put(self, image: Image, name: str, document: Any) -> None:
        """Store a document; it replaces an earlier one with this name."""

    def awaited(self, repository: Repository) -> set[str]:
        """Return the digests of the images for which a cached tag waits (``services.import_status``)."""


class Scans(Protocol):
    """The last basic scan of each scanned image. Scans are removed with their image."""

    def find(self, image: Image) -> Scan | None:
        """Return the last scan of an image, or None."""

    def save(self, image: Image, scan: Scan) -> None:
        """Store a scan; it replaces the last one."""

    def remove(self, image: Image) -> None:
        """Remove the scan of an image, if there is one."""

    def count_since(self, registry: Registry, since: datetime) -> int:
        """Return the number of images in a registry whose last scan was after an instant."""


class KnownFindings(Protocol):
    """The findings that users have told for images, by digest. Later scans report them."""

    def find(self, digest: str) -> ToldFindings | None:
        """Return the findings that were told for a digest, or None."""

    def put(self, digest: str, told: ToldFindings) -> None:
        """Store findings; they replace earlier ones."""

    def remove(self, digest: str) -> None:
        """Remove the findings of a digest, if there are any."""
