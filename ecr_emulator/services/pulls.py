"""Pulls of manifests and blobs by clients: from the registry, or through the cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from ecr_emulator.domain.cache_use import HIT, MISS, CacheUse
from ecr_emulator.domain.image import ImageId, Layer, StoredManifest
from ecr_emulator.domain.names import Registry, is_digest
from ecr_emulator.domain.pull_through import CachedName, find_cached_name
from ecr_emulator.domain.pull_time_exclusions import is_excluded
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.validation_timer import Validation
from ecr_emulator.errors import ImageNotFoundException, RepositoryNotFoundException
from ecr_emulator.ports.blobs import Blobs
from ecr_emulator.ports.encryption_keys import EncryptionKeys
from ecr_emulator.ports.pulls import PullableImage
from ecr_emulator.ports.store import Store, UnitOfWork, Watch
from ecr_emulator.ports.upstream_failures import UpstreamFailure
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.access import UNLIMITED, Permissions
from ecr_emulator.services.blob_reads import read_span
from ecr_emulator.services.blob_source import BlobSource
from ecr_emulator.services.garbage_collection import next_renewal, renew_grace
from ecr_emulator.services.optional_writes import optional_write
from ecr_emulator.services.pull_through import BlobDownloads, PullThrough, Wanted, is_of_others
from ecr_emulator.services.pull_times import PullTimes
from ecr_emulator.services.validity import LAST, Validity

Report = Callable[[CacheUse], None]
"""Receives the use of the cache by a pull: once if a rule covers the repository, also if the pull fails."""


def unreported(_: CacheUse) -> None:
    """Ignore the use of the cache."""


@dataclass(frozen=True, slots=True)
class PulledManifest:
    """A manifest for a client. ``validity`` is None if the next pull may differ, or has something to record."""

    manifest: StoredManifest
    validity: Validity | None = None


@dataclass(frozen=True, slots=True)
class _Stored:
    """The image that a pull names, as far as the registry has it, and the ARNs whose pulls are not recorded.

    ``covered`` is the rule that covers the repository, ``due`` the same if the upstream must be asked first,
    ``validation`` that of a tag which need not be checked, and ``watch`` the watch on the repository if the upstream
    need not be asked.
    """

    repository: Repository | None
    exclusions: Sequence[str]
    image: PullableImage | None = None
    covered: CachedName | None = None
    due: CachedName | None = None
    validation: Validation | None = None
    watch: Watch | None = None


class Pulls:
    """Finds manifests and blobs for clients of both planes.

    If ``strict``, an upstream is only asked for digests that a stored index or a list of referrers names, and pulls are
    recorded once a day.
    """

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        pull_through: PullThrough,
        downloads: BlobDownloads,
        keys: EncryptionKeys,
        strict: bool = False,
    ) -> None:
        self._keys = keys
        self._is_strict = strict
        self.times = PullTimes(store, strict)
        self._store = store
        self._blobs = blobs
        self._pull_through = pull_through
        self._downloads = downloads

    def manifest(  # noqa: PLR0913 - a pull and its client
        self,
        registry: Registry,
        name: str,
        reference: str,
        now: datetime,
        principal: str = "",
        permissions: Permissions = UNLIMITED,
        *,
        report: Report = unreported,
    ) -> StoredManifest:
        """Return the manifest alone; see ``pull``."""
        return self.pull(registry, name, reference, now, principal, permissions, report=report).manifest

    def pull(  # noqa: PLR0913 - a pull and its client
        self,
        registry: Registry,
        name: str,
        reference: str,
        now: datetime,
        principal: str = "",
        permissions: Permissions = UNLIMITED,
        *,
        report: Report = unreported,
    ) -> PulledManifest:
        """Return the manifest of a tag or digest; ask the upstream if a rule covers the name and a check is due.

        A caller who may not import sees only images that are already stored; rules are ignored. The pull is recorded,
        unless the ARN of the principal is excluded from recording. An archived image is not found.
        ``report`` receives the use of the cache.
        Raises ``RepositoryNotFoundException``, ``ImageNotFoundException``, ``KmsException`` and ``UpstreamFailure``.
        """
        image_id = ImageId(digest=reference) if is_digest(reference) else ImageId(tag=reference)
        with self._store.reading() as work:
            found = self._look_up(work, registry, name, image_id, now)
        repository, image, watch = found.repository, found.image, found.watch
        if repository and (found.due or image):
            self._keys.check(repository)
        if found.due and _may_import(permissions, repository, name):
            manifest = self._fetch(found.due, image_id, now, report)
        elif image is None:
            raise _not_found(repository, image_id) if repository else _no_repository(registry, name)
        else:
            manifest = image.manifest
            _report_hit(found.covered, report)
            if self._resumes_import(found, registry, name, image_id, permissions):
                watch = None
        stored = image if image and image.manifest.digest == manifest.digest else None
        last = stored.last_pulled_at if stored else None
        if last is None or self.times.is_due(last, now):
            if not is_excluded(principal, found.exclusions):
                if stored:
                    self.times.record(stored, name, now)
                else:
                    self.times.record_fetched(registry, name, manifest.digest, now)
            return PulledManifest(manifest)
        until = [last + self.times.granularity, *([found.validation.due_at] if found.validation else [])]
        return PulledManifest(manifest, Validity(watch, now, min(until)) if watch else None)

    def _fetch(self, due: CachedName, image_id: ImageId, now: datetime, report: Report) -> StoredManifest:
        try:
            fetched = self._pull_through.manifest(Wanted(due, image_id, now))
        except UpstreamFailure:
            report(CacheUse(due.rule, MISS))  # if anything were stored, it would have been returned
            raise
        report(CacheUse(due.rule, fetched.outcome))
        return fetched.manifest

    def _resumes_import(
        self, found: _Stored, registry: Registry, name: str, image_id: ImageId, permissions: Permissions
    ) -> bool:
        """Resume the import of a cached tag if a killed process began it; see ``PullThrough.resume_import``."""
        if not (found.validation and found.image):
            return False
        return self._pull_through.resume_import(registry, name, image_id.tag, found.image.manifest, permissions)

    def _look_up(self, work: UnitOfWork, registry: Registry, name: str, image_id: ImageId, now: datetime) -> _Stored:
        """Read what the registry has of an image. Raises ``ImageNotFoundException`` for an archived one."""
        context, image = work.pulls.image(registry, name, image_id)
        covered, repository = find_cached_name(context.rules, name), context.repository
        if repository is None or image is None:
            may_ask = self._may_ask_for(work, repository, image_id)
            return _Stored(repository, context.exclusions, due=covered if may_ask else None)
        if not image.is_active:
            raise _not_found(repository, image_id)
        is_due = image_id.tag is not None and (image.validation is None or image.validation.is_due(now))
        due, validation = (covered, None) if is_due else (None, image.validation)
        watch = None if due else _watch(work, repository)
        return _Stored(repository, context.exclusions, image, covered, due, validation, watch)

    def find_blob(
        self, registry: Registry, name: str, digest: str, now: datetime, is_check: bool = False
    ) -> BlobSource | None:
        """Return a blob that the repository holds or can fetch through the cache; None if there is none.

        A blob that only archived images need is not found. ``is_check`` says that the client asks only whether
        the blob exists: it may push a manifest that refers to the blob next, so the blob's grace begins again.
        Raises ``RepositoryNotFoundException``; the chunks raise ``UpstreamFailure``.
        """
        with self._store.reading() as work:
            context, held = work.pulls.layer(registry, name, digest)
            repository = context.repository
            layer = held or self.referenced(work, registry, name, digest)
            if layer is None or layer.is_archived:
                return None
            size = self._blobs.intact_size(digest, layer.size)
            if held is None and size is not None and is_of_others(work, registry, digest):
                size = None
            is_needed = held is None or size is None
            covered = find_cached_name(context.rules, name)
            cached_name = covered if is_needed else None
            watch = _watch(work, repository) if repository and not is_needed else None
        repository = repository or Repository(registry, name, now)  # the image was served, but not stored
        is_renewed = is_check or layer.is_loose
        if held and is_renewed and renew_grace(self._store, repository, [held], now):
            return None
        if cached_name is None:  # a sparse manifest gives no access to blobs of other repositories
            if held is None or size is None:
                return None
            validity = Validity(watch, now, next_renewal(held) if is_renewed else LAST) if watch else None
            return self._held_blob(repository, held, size, covered, validity)
        is_here = size is not None and self._link(repository, layer, now)
        chunks = partial(self._downloads.chunks, cached_name, layer)
        check_key = partial(self._keys.check, repository)
        use = CacheUse(cached_name.rule, HIT if is_here else MISS)
        return BlobSource(digest, layer.size if size is None else size, False, is_here, check_key, chunks, use)

    def _held_blob(
        self, repository: Repository, layer: Layer, size: int, covered: CachedName | None, validity: Validity | None
    ) -> BlobSource:
        return BlobSource(
            layer.digest,
            size,
            layer.is_loose,
            True,
            partial(self._keys.check, repository),
            partial(read_span, self._blobs, layer.digest),
            CacheUse(covered.rule, HIT) if covered else None,
            validity,
            lambda: self._blobs.intact_size(layer.digest, size) == size,
        )

    def referenced(self, work: UnitOfWork, registry: Registry, name: str, digest: str) -> Layer | None:
        """Return a blob to which an image refers that is stored, or was served but could not be stored; else None.

        Raises ``RepositoryNotFoundException``.
        """
        repository = work.repositories.find(registry, name)
        uncached = self._pull_through.uncached.find(registry, name, digest)
        if repository is None and uncached is None:
            work.repositories.get(registry, name)
        return (work.layers.referenced(repository, digest) if repository else None) or uncached

    def _may_ask_for(self, work: UnitOfWork, repository: Repository | None, image_id: ImageId) -> bool:
        """Return whether an upstream may be asked for an image that is not stored."""
        if image_id.digest is None or not self._is_strict:
            return True
        if repository is None:
            return False
        is_listed = bool(work.image_relations.parents(repository, image_id.digest))
        return is_listed or work.referrer_listings.has(repository, image_id.digest)

    def _link(self, repository: Repository, layer: Layer, now: datetime) -> bool:
        """Record that a repository holds a stored blob; return False if the blob was just deleted."""
        with self._blobs.hold(layer.digest):
            if self._blobs.size(layer.digest) is None:
                return False
            what = f"blob {layer.digest} of {repository.name}"
            with optional_write(what), self._store.writing(waits=False) as work:
                current = work.repositories.find(repository.registry, repository.name)
                if current:
                    self._blobs.require_kept(layer.digest)
                    work.layers.add(current, layer.digest, layer.size, now)
            return True


def _report_hit(covered: CachedName | None, report: Report) -> None:
    if covered:
        report(CacheUse(covered.rule, HIT))


def _may_import(permissions: Permissions, repository: Repository | None, name: str) -> bool:
    return permissions.may_import(name) if repository else permissions.may_import_into_new_repository(name)


def _watch(work: UnitOfWork, repository: Repository) -> Watch | None:
    """Return a watch on a repository; None if KMS decides too whether it can be read."""
    return work.watch(repository) if not repository.encryption.has_key else None


def _no_repository(registry: Registry, name: str) -> RepositoryNotFoundException:
    return RepositoryNotFoundException(repository_name=name, registry_id=registry.id)


def _not_found(repository: Repository, image_id: ImageId) -> ImageNotFoundException:
    return ImageNotFoundException(
        image_digest=image_id.digest or "null", image_tag=image_id.tag or "null", **repository.identity
    )
