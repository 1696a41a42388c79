"""The ports of repositories: their settings, layers, uploads, previews and referrer listings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from ecr_emulator.domain.image import Layer
from ecr_emulator.domain.lifecycle import Match
from ecr_emulator.domain.lifecycle_preview import LifecyclePreview
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.referrer import ReferrerListing
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.upload import Upload


class Repositories(Protocol):
    """The repositories of all registries.

    Eight methods: ``get`` is ``find`` for callers that need the repository; it raises the same error for all of them.
    """

    def find(self, registry: Registry, name: str) -> Repository | None:
        """Return the repository with this name, or None."""

    def get(self, registry: Registry, name: str) -> Repository:
        """Return the repository with this name. Raises ``RepositoryNotFoundException``."""

    def page(self, registry: Registry, after: str, limit: int) -> list[Repository]:
        """Return at most ``limit`` repositories with names after ``after``, in order of name."""

    def count(self, registry: Registry) -> int:
        """Return the number of repositories in a registry."""

    def encrypted_by_kms(self) -> list[Repository]:
        """Return the repositories of all registries that are encrypted with keys of KMS."""

    def add(self, repository: Repository) -> Repository:
        """Store a new repository and return it with its key. Raises ``RepositoryAlreadyExistsException``."""

    def save(self, repository: Repository) -> None:
        """Store a repository whose settings have changed."""

    def remove(self, repository: Repository) -> None:
        """Remove a repository and everything in it."""


class LayerPlace(NamedTuple):
    """The place of a blob of a repository in the order of all of them. ``repository`` is the repository's key."""

    repository: int = 0
    digest: str = ""


class Layers(Protocol):
    """The blobs that repositories hold.

    Ten methods: one table stores the blobs of a repository and the repositories of a blob.
    """

    def find(self, repository: Repository, digest: str) -> Layer | None:
        """Return a blob that the repository holds because it was uploaded, mounted or pulled through; or None."""

    def referenced(self, repository: Repository, digest: str) -> Layer | None:
        """Return a blob as a manifest of the repository lists it, even if the repository does not hold it; or None.

        The layer is foreign only if all manifests list it as foreign.
        """

    def missing(self, repository: Repository, digests: Iterable[str]) -> list[str]:
        """Return the given digests that the repository does not hold, in the given order, each once."""

    def add(self, repository: Repository, digest: str, size: int, now: datetime) -> None:
        """Add a blob to a repository, or update the time at which it was added. The caller holds the blob meanwhile.

        Raises ``RepositoryNotFoundException``.
        """

    def touch(self, repository: Repository, digest: str, now: datetime) -> bool:
        """Set a blob's time to ``now``, because a client relies on it; False if the repository does not hold it."""

    def remove_loose(self, before: datetime, after: LayerPlace, limit: int) -> tuple[int, LayerPlace | None]:
        """Look at so many blobs after a place; remove those that were added before an instant and no image references.

        Returns the number removed and the place of the last blob, or None if there are no more blobs.
        """

    def remove_unreferenced(self, repository: Repository, limit: int) -> int:
        """Remove at most ``limit`` blobs that no image references from one repository; return their number."""

    def unused(self, digests: Iterable[str]) -> list[str]:
        """Return the given digests that no repository holds and no image references."""

    def holders(self, registry: Registry, digest: str) -> list[str]:
        """Return the names of the registry's repositories that hold a blob."""

    def owners(self, digest: str) -> set[str]:
        """Return the accounts whose repositories hold a blob."""


class Uploads(Protocol):
    """Upload sessions."""

    def get(self, repository: Repository, upload_id: str) -> Upload:
        """Return the session. Raises ``UploadNotFoundException``, also for a session of another repository."""

    def ids(self) -> set[str]:
        """Return the ids of all sessions of all repositories."""

    def add(self, repository: Repository, upload: Upload) -> None:
        """Store a new session. Raises ``RepositoryNotFoundException``."""

    def save(self, repository: Repository, upload: Upload) -> None:
        """Record the progress of a session. Raises ``UploadNotFoundException`` if it was removed meanwhile."""

    def remove_untouched(self, before: datetime, keep: set[str]) -> None:
        """Remove the sessions that were last touched before an instant, except those with the ids in ``keep``."""

    def remove(self, repository: Repository, upload: Upload) -> None:
        """Remove a session. Raises ``UploadNotFoundException`` if it was removed meanwhile."""


class ReferrerListings(Protocol):
    """The referrers that upstreams listed for digests in repositories. They are removed with their repository."""

    def find(self, repository: Repository, subject: str) -> ReferrerListing | None:
        """Return the last listing for a subject, or None."""

    def save(self, repository: Repository, listing: ReferrerListing) -> None:
        """Store a listing; it replaces the last one for its subject."""

    def has(self, repository: Repository, digest: str) -> bool:
        """Return whether any listing of the repository has this referrer."""

    def remove_empty(self, before: datetime) -> None:
        """Remove the listings without referrers that upstreams gave before an instant."""


class LifecycleMatches(Protocol):
    """Images that the rules of lifecycle policies have matched, while evaluations are in progress."""

    def add(self, repository: Repository, matches: Iterable[Match]) -> None:
        """Add matches of the policy of a repository."""

    def remove(self, repository: Repository, limit: int) -> int:
        """Remove at most ``limit`` matches, as an interrupted evaluation leaves them; return their number."""

    def count(self, repository: Repository, rule: int) -> int:
        """Return the number of matches of a rule that are left."""

    def first(self, repository: Repository, rule: int, limit: int) -> list[Match]:
        """Return at most ``limit`` matches of a rule, in the order in which the policy acts on them."""

    def remove_first(self, repository: Repository, rule: int, limit: int) -> int:
        """Remove the matches that ``first`` returns; return their number."""


class LifecyclePreviews(Protocol):
    """The lifecycle policy previews, at most one for each repository."""

    def find(self, repository: Repository) -> LifecyclePreview | None:
        """Return the latest preview of a repository, or None. It has results when it is complete."""

    def save(self, repository: Repository, preview: LifecyclePreview) -> None:
        """Store a preview without its results; it replaces the last one."""

    def add_results(self, repository: Repository, found: Iterable[dict[str, Any]]) -> None:
        """Append results to those of the preview of a repository."""

    def remove_results(self, repository: Repository, limit: int) -> int:
        """Remove at most ``limit`` results of an earlier preview; return their number."""


class Inventory(Protocol):
    """The blobs and manifests of the repositories of all accounts."""

    def blobs(self, after: str, limit: int) -> list[tuple[str, int]]:
        """Return the digest and size of at most ``limit`` blobs after a digest, in order, each once."""

    def blob_totals(self) -> tuple[int, int]:
        """Return the number of blobs that repositories hold, and their bytes; each blob counts once."""

    def manifests(self, after: str, limit: int) -> list[tuple[str, bytes | None]]:
        """Return digest and bytes (None if lost) of at most ``limit`` manifests after a digest, in order, each once."""

    def blob_places(self, digest: str) -> list[tuple[Registry, str]]:
        """Return the registry and name of each repository that holds a blob."""

    def manifest_places(self, digest: str) -> list[tuple[Registry, str]]:
        """Return the registry and name of each repository that has an image."""

    def integrity_errors(self) -> list[str]:
        """Return the first 20 errors that the database finds when it checks itself."""
