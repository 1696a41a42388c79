"""The ports of images: manifests, tags, scans and documents."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from ecr_emulator.domain.image import Image, StoredManifest
from ecr_emulator.domain.manifest import Manifest
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.scanning import Scan
from ecr_emulator.domain.validation_timer import Validation


class Images(Protocol):
    """The images of repositories, without the movements of their tags.

    Nine methods: an image, its manifest and its references are stored and removed together.
    """

    def find(self, repository: Repository, digest: str) -> Image | None:
        """The image with this digest, with its tags."""

    def add(self, repository: Repository, image: Image, manifest: Manifest, raw: bytes) -> Image:
        """Store a manifest and its references. Returns the image with its key.

        Raises ``ImageAlreadyExistsException``.
        """

    def remove(self, repository: Repository, image: Image) -> None:
        """Remove an image, its tags and its references."""

    def manifest(self, image: Image) -> StoredManifest:
        """The bytes of an image's manifest."""

    def mend(self, digest: str, raw: bytes) -> None:
        """Store the bytes of a manifest of an image again, which have been verified, unless they are what is stored."""

    def page(self, repository: Repository, after: str, limit: int) -> list[Image]:
        """At most ``limit`` images in order of digest, those after the given digest, with their tags."""

    def count(self, repository: Repository) -> int:
        """How many images there are."""

    def pulled(self, image: Image, now: datetime) -> None:
        """Record a pull."""

    def save(self, image: Image) -> None:
        """Store a changed size, status or date."""


class ImageRelations(Protocol):
    """The images of a repository that list or refer to others."""

    def parents(self, repository: Repository, digest: str) -> list[str]:
        """The digests of the indexes in this repository that list an image, in order."""

    def active_parents(self, repository: Repository, digest: str) -> list[str]:
        """Those of them that are not archived."""

    def listed(self, repository: Repository) -> set[str]:
        """The digests that indexes of this repository list which are not archived."""

    def referrers(self, repository: Repository, subject: str) -> list[Image]:
        """The images whose subject is this digest, in order of digest."""


class Tags(Protocol):
    """Where the tags of repositories point."""

    def find(self, repository: Repository, tag: str) -> Image | None:
        """The image that a tag points at, with all its tags."""

    def put(self, repository: Repository, tag: str, image: Image, now: datetime) -> None:
        """Point a tag at an image, wherever it pointed before."""

    def remove(self, repository: Repository, tag: str) -> None:
        """Remove a tag; its image stays."""

    def page(self, repository: Repository, after: str, limit: int) -> list[str]:
        """At most ``limit`` tags in ASCII order, those after the given tag."""

    def validation(self, repository: Repository, tag: str) -> Validation | None:
        """What is known of a tag's upstream; None if it did not come through the cache."""

    def save_validation(self, repository: Repository, tag: str, validation: Validation) -> None:
        """Remember what is known of a tag's upstream; harmless if the tag is gone."""


class ImageDocuments(Protocol):
    """What became of images, by name, as JSON values; they go with their image."""

    def find(self, image: Image, name: str) -> Any | None:
        """The document of this name, or None."""

    def put(self, image: Image, name: str, document: Any) -> None:
        """Store a document in place of the one that was there."""


class Scans(Protocol):
    """The last basic scan of every image that was scanned; they go with their image."""

    def find(self, image: Image) -> Scan | None:
        """The last scan of an image, or None."""

    def save(self, image: Image, scan: Scan) -> None:
        """Store a scan in place of the last."""

    def remove(self, image: Image) -> None:
        """Forget that an image was scanned; harmless if it was not."""

    def count_since(self, registry: Registry, since: datetime) -> int:
        """How many images of a registry were last scanned after an instant."""


class KnownFindings(Protocol):
    """What users have told of images, by digest: the findings of scans to come."""

    def find(self, digest: str) -> list[dict[str, Any]] | None:
        """What is known under a digest, or None."""

    def put(self, digest: str, findings: list[dict[str, Any]]) -> None:
        """Store findings in place of those that were there."""

    def remove(self, digest: str) -> None:
        """Forget findings; harmless if there are none."""
