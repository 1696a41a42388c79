"""The ports of repositories: their settings, layers, uploads, previews and referrer listings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from ecr_emulator.domain.image import Layer
from ecr_emulator.domain.lifecycle_preview import LifecyclePreview
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.referrer import ReferrerListing
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.upload import Upload


class Repositories(Protocol):
    """The repositories of all registries.

    Seven methods: ``get`` is ``find`` for callers who need the repository, and raises the one error for all.
    """

    def find(self, registry: Registry, name: str) -> Repository | None:
        """The repository, or None."""

    def get(self, registry: Registry, name: str) -> Repository:
        """The repository; raises ``RepositoryNotFoundException``."""

    def page(self, registry: Registry, after: str, limit: int) -> list[Repository]:
        """At most ``limit`` repositories in order of name, those after the given name."""

    def count(self, registry: Registry) -> int:
        """How many there are in a registry."""

    def add(self, repository: Repository) -> Repository:
        """Store a new repository; raises ``RepositoryAlreadyExistsException``. Returns it with its key."""

    def save(self, repository: Repository) -> None:
        """Store changed settings."""

    def remove(self, repository: Repository) -> None:
        """Remove it with everything that hangs on it."""


class Layers(Protocol):
    """Which blobs belong to which repository.

    Nine methods: one table answers what a repository holds and who holds a blob.
    """

    def find(self, repository: Repository, digest: str) -> Layer | None:
        """A blob that the repository holds: uploaded to it, mounted, or brought in through the cache."""

    def referenced(self, repository: Repository, digest: str) -> Layer | None:
        """What an image of the repository says of a blob, whether or not the repository holds it.

        It is foreign only if all images say so.
        """

    def missing(self, repository: Repository, digests: Iterable[str]) -> list[str]:
        """Those of the digests that the repository does not hold, in the order given, each once."""

    def add(self, repository: Repository, digest: str, size: int, now: datetime) -> None:
        """Give a blob to a repository, or say that it was just given one that it has. Its name is held meanwhile.

        Raises ``RepositoryNotFoundException``.
        """

    def touch(self, repository: Repository, digest: str, now: datetime) -> bool:
        """Say that a client counts on a blob that the repository holds; False if it holds it no more."""

    def remove_loose(self, before: datetime) -> int:
        """Take from all repositories the blobs that were added before and to which no image refers; how many."""

    def unused(self, digests: Iterable[str]) -> list[str]:
        """Those of the digests that no repository holds and to which no image refers."""

    def holders(self, registry: Registry, digest: str) -> list[str]:
        """The names of the registry's repositories that hold a blob."""

    def owners(self, digest: str) -> set[str]:
        """The accounts that have repositories which hold a blob."""


class Uploads(Protocol):
    """Upload sessions."""

    def get(self, repository: Repository, upload_id: str) -> Upload:
        """The session; raises ``UploadNotFoundException``, also for one of another repository."""

    def ids(self) -> set[str]:
        """The ids of all sessions of all repositories."""

    def add(self, repository: Repository, upload: Upload) -> None:
        """Begin a session. Raises ``RepositoryNotFoundException``."""

    def save(self, repository: Repository, upload: Upload) -> None:
        """Record its progress; raises ``UploadNotFoundException`` if it has been ended meanwhile."""

    def remove_untouched(self, before: datetime, keep: set[str]) -> None:
        """End the sessions that were last touched before an instant, but for those with the ids to keep."""

    def remove(self, repository: Repository, upload: Upload) -> None:
        """End a session; raises ``UploadNotFoundException`` if it has been ended meanwhile."""


class ReferrerListings(Protocol):
    """What upstreams said refers to the images of repositories; they go with their repository."""

    def find(self, repository: Repository, subject: str) -> ReferrerListing | None:
        """What was last said of a digest, or None."""

    def save(self, repository: Repository, listing: ReferrerListing) -> None:
        """Store a listing in place of the one that was there."""

    def has(self, repository: Repository, digest: str) -> bool:
        """Whether any listing of the repository has this referrer."""

    def remove_empty(self, before: datetime) -> None:
        """Forget the subjects to which nothing referred when the upstream was last asked, before an instant."""


class LifecyclePreviews(Protocol):
    """The lifecycle policy previews, one for each repository at most."""

    def find(self, repository: Repository) -> LifecyclePreview | None:
        """The latest preview of a repository, or None."""

    def save(self, repository: Repository, preview: LifecyclePreview) -> None:
        """Store a preview in place of the one that was there."""


class Inventory(Protocol):
    """What all repositories hold, whosever they are."""

    def blobs(self, after: str, limit: int) -> list[tuple[str, int]]:
        """At most ``limit`` blobs that repositories hold, each once: digest and size, in order, after a digest."""

    def manifests(self, after: str, limit: int) -> list[tuple[str, bytes | None]]:
        """At most ``limit`` manifests, each once: digest and bytes, None if these are gone, after a digest."""

    def blob_places(self, digest: str) -> list[tuple[Registry, str]]:
        """The registries and names of the repositories that hold a blob."""

    def manifest_places(self, digest: str) -> list[tuple[Registry, str]]:
        """The registries and names of the repositories that have an image."""

    def complaints(self) -> list[str]:
        """What the database finds wrong when it reads all of itself; the first 20 things."""
