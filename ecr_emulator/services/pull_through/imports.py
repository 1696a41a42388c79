"""Imports: the rest of an image, fetched in the background after a client pulled its manifest.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from threading import BoundedSemaphore, Lock

from ecr_emulator.domain.events import Import
from ecr_emulator.domain.image import ImageId, Layer, StoredManifest
from ecr_emulator.domain.import_policy import FULL, ImportPolicy
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import CachedName
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import EcrError
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.store import Store, UnitOfWork
from ecr_emulator.ports.time import Clock
from ecr_emulator.ports.upstream_failures import UpstreamFailure, UpstreamNotFound, UpstreamNotStored
from ecr_emulator.services.import_status import AWAITED, PARTIAL, STARTED, import_status, note_end
from ecr_emulator.services.new_images import process_new_image
from ecr_emulator.services.optional_writes import optional_write
from ecr_emulator.services.pull_through.blobs import BlobDownloads
from ecr_emulator.services.pull_through.cached_images import note_failure
from ecr_emulator.services.pull_through.fetch_turns import ONE_NODE, FetchTurns
from ecr_emulator.services.pull_through.image_parts import ImageParts, Part, Sources
from ecr_emulator.services.pull_through.import_jobs import ImportJob, ReplacedImage, point_tag
from ecr_emulator.services.pull_through.referrers import Referrers
from ecr_emulator.services.pull_through.single_flight import SingleFlight
from ecr_emulator.services.pull_through.updates import Updates
from ecr_emulator.services.pull_through.upstream_threads import UpstreamThreads
from ecr_emulator.services.signing import refused_to_pull_through

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Maximum number of images imported from one upstream at the same time; further images wait."""
PARTS_AT_ONCE = 3
"""Maximum number of manifests and blobs of one image fetched at the same time."""
REMEMBERED = 10_000
"""Maximum number of images known to have been seen. The import status of a forgotten image is looked up again."""
PARTS_PER_HOST = 4
"""Maximum number of parts that imports fetch from one upstream at the same time.

It is less than the limit of blobs, so that clients need not wait for imports. Requests of clients are not counted."""

_ImportKey = tuple[CachedName, str, str | None, ReplacedImage | None]
"""The key of an import. It includes the replaced image: an update must not join an import that is about to end."""

FetchManifest = Callable[[CachedName, str], StoredManifest]
"""Fetches a manifest by digest and stores it in a repository. Raises ``UpstreamFailure``."""


class Imports:
    """Imports images as far as the policy says, each once for any number of clients.

    Later requests fetch the parts that an import could not get: requests of clients for these parts, or the next check
    that finds the tag unchanged upstream. The first pull of a tag resumes an import that an earlier process left
    unfinished. An update is always imported in full; its tag moves at the end.
    """

    def __init__(  # noqa: PLR0913 - each part has one job
        self,
        store: Store,
        clock: Clock,
        downloads: BlobDownloads,
        referrers: Referrers,
        fetch_manifest: FetchManifest,
        policy: ImportPolicy,
        *,
        turns: FetchTurns = ONE_NODE,
    ) -> None:
        self._store = store
        self._clock = clock
        self._downloads = downloads
        self._referrers = referrers
        self._fetch_manifest = fetch_manifest
        self._policy = policy
        self._turns = turns
        self.updates = Updates(turns)
        self._threads = UpstreamThreads(AT_ONCE, "pull-through-import")
        self._single_flight: SingleFlight[_ImportKey, None] = SingleFlight(
            lambda key: self._threads.of(key[0].rule.url)
        )
        self._hosts: dict[str, BoundedSemaphore] = {}
        self._seen: dict[tuple[Registry, str, str], None] = {}
        self._lock = Lock()

    def start(self, job: ImportJob) -> None:
        """Start to import what the job's manifest refers to. Requests of clients join the downloads."""
        self.is_new(job.cached_name.registry, job.cached_name.name, job.manifest.digest)
        key = (job.cached_name, job.manifest.digest, job.tag, job.replaces)
        self._single_flight.join(key, lambda: self._import_unless_elsewhere(job))

    def is_new(self, registry: Registry, name: str, digest: str) -> bool:
        """Return whether this process has not seen an image lately, and remember that it has seen the image now."""
        key = (registry, name, digest)
        if key in self._seen:
            return False
        with self._lock:
            self._seen[key] = None
            if len(self._seen) > REMEMBERED:
                del self._seen[next(iter(self._seen))]
        return True

    def resume(self, job: ImportJob) -> None:
        """Resume an import that failed, or that fetched less than the policy says now.

        Images that clients pushed are not imported.
        """
        with self._store.reading() as work:
            repository = work.repositories.find(job.cached_name.registry, job.cached_name.name)
            image = work.images.find(repository, job.manifest.digest) if repository else None
            status = import_status(work, image) if image else None
        if status == STARTED or (status == PARTIAL and self._policy.mode == FULL):
            self.start(job)

    def pending(self) -> list[Future[None]]:
        """Return the imports under way."""
        return self._single_flight.pending()

    def forget(self) -> None:
        """Forget which images were seen."""
        with self._lock:
            self._seen.clear()

    def snapshot(self) -> Mapping[tuple[Registry, str, str], None]:
        """Return the images that were seen, for ``restore``."""
        with self._lock:
            return dict(self._seen)

    def restore(self, snapshot: Mapping[tuple[Registry, str, str], None]) -> None:
        """Remember the images that were seen when a snapshot was taken, and no others."""
        with self._lock:
            self._seen = dict(snapshot)

    def close(self) -> None:
        """Start no more imports."""
        self._threads.close()

    def _import_unless_elsewhere(self, job: ImportJob) -> None:
        """Import an image. If another node imports it, look again whether it is complete when that node has ended."""
        name = job.cached_name
        claim = f"import of {name.registry.host}/{name.name}:{job.tag}@{job.manifest.digest}"
        if self._turns.claim(claim):
            try:
                self._import_safely(job)
            finally:
                self._turns.release(claim)
        else:
            if job.replaces:
                self.updates.end(job)
            self._turns.call_when_free(claim, partial(self._resume_later, job))

    def _resume_later(self, job: ImportJob) -> None:
        with suppress(RuntimeError):  # the emulator is stopping
            self._threads.of(job.cached_name.rule.url).submit(self.resume, replace(job, is_resumed=True, replaces=None))

    def _import_safely(self, job: ImportJob) -> None:
        """Import an image. Record failures in the log and an event, since no client waits for the import."""
        try:
            self._import(job)
        except UpstreamFailure as failure:
            self._note(job, failure)
        except EcrError as refused:
            self._note(job, UpstreamNotStored(refused.message))
        except StorageFailure as failure:
            self._wait_for_next_pull(job, failure)
        except Exception:
            log.exception("import of %s@%s failed", job.cached_name.name, job.manifest.digest)
        finally:
            if job.replaces:
                self.updates.end(job)

    def _wait_for_next_pull(self, job: ImportJob, failure: StorageFailure) -> None:
        """Let the next pull resume an import that could not read or write what is stored."""
        name, digest = job.cached_name.name, job.manifest.digest
        log.warning("the import of %s@%s waits for the next pull: %s", name, digest, failure.reason)
        with self._lock:
            self._seen.pop((job.cached_name.registry, name, digest), None)

    def _note(self, job: ImportJob, failure: UpstreamFailure) -> None:
        image_id = ImageId(job.manifest.digest, job.tag)
        note_failure(self._store, job.cached_name, image_id, failure, self._clock.now())

    def _import(self, job: ImportJob) -> None:
        with self._store.reading() as work:
            repository = work.repositories.find(job.cached_name.registry, job.cached_name.name)
        if repository is None:
            return  # it was deleted meanwhile
        with ThreadPoolExecutor(PARTS_AT_ONCE, "pull-through-part") as threads:
            policy = replace(self._policy, mode=FULL) if job.replaces else self._policy
            found = ImageParts(self._sources(job.cached_name), policy, threads)
            found.fetch(job.manifest)
        if found.failures:
            missing, first = len(found.failures), found.failures[0].reason
            name = job.cached_name.name
            log.warning("import of %s@%s lacks %d parts: %s", name, job.manifest.digest, missing, first)
        self._record(job, found)

    def _sources(self, cached_name: CachedName) -> Sources:
        host = self._hosts.setdefault(cached_name.rule.url, BoundedSemaphore(PARTS_PER_HOST))

        def manifest(digest: str) -> StoredManifest:
            with host:
                return self._fetch_manifest(cached_name, digest)

        def blob(layer: Layer) -> None:
            with host:
                self._downloads.fetch(cached_name, layer)

        def referrers(digest: str) -> list[str]:
            with host:
                return self._referrers.listed_upstream(cached_name, digest, self._clock.now())

        return Sources(manifest, blob, referrers)

    def _record(self, job: ImportJob, found: ImageParts) -> None:
        """Record the result of an import, and process its images as new ones.

        If a part failed, only the complete images below the job's image are processed. Raises ``UpstreamFailure`` if
        an update cannot move its tag; then none is processed.
        """
        what = f"the import of {job.cached_name.name}@{job.manifest.digest}"
        with optional_write(what), self._store.writing(waits=False) as work:
            repository = work.repositories.find(job.cached_name.registry, job.cached_name.name)
            if repository is None:
                return  # it was deleted meanwhile
            now = self._clock.now()
            if job.tag and job.replaces:
                has_moved = point_tag(work, repository, job, job.tag, now, self._downloads.has)
                if not has_moved:
                    raise _incomplete(job, found)
            if work.images.find(repository, job.manifest.digest) is None:
                return  # it was deleted meanwhile
            for part in found.parts:
                if not found.failures or (part.is_whole and part.digest != job.manifest.digest):
                    _process_part(work, repository, job, part, found.is_complete, now)
            if job.tag or not work.image_relations.parents(repository, job.manifest.digest):
                failure = next(((each.failure_code, each.reason) for each in found.failures), None)
                attempt = Import(job.cached_name.rule, job.cached_name.name, job.tag, job.manifest.digest, failure)
                work.events.add(attempt.event(now))


def _incomplete(job: ImportJob, found: ImageParts) -> UpstreamFailure:
    """Return the reason why an update does not move its tag."""
    if found.failures:
        return found.failures[0]
    return UpstreamNotFound(
        f"the tag '{job.tag}' moved upstream to {job.manifest.digest}, and parts of that image cannot be fetched"
    )


def _process_part(
    work: UnitOfWork, repository: Repository, job: ImportJob, part: Part, everything: bool, now: datetime
) -> None:
    """Process an image as a new one, once and again for each new tag, and note that its import ended."""
    image = work.images.find(repository, part.digest)
    if image is None:
        return  # it was deleted meanwhile
    tag = job.tag if part.digest == job.manifest.digest else None
    if import_status(work, image) in (None, AWAITED, STARTED) or (tag and not job.is_resumed):
        process_new_image(work, repository, image, tag, now, refused_to_pull_through)
    note_end(work, image, is_complete=everything or (part.is_whole and not part.manifest.children))
