"""Imports: the rest of an image, brought in behind the client's back.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from threading import BoundedSemaphore, Lock

from ecr_emulator.domain.events import Import
from ecr_emulator.domain.image import ImageId, Layer, StoredManifest
from ecr_emulator.domain.import_policy import FULL, ImportPolicy
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import CachedName
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import EcrError
from ecr_emulator.ports.store import Store, UnitOfWork
from ecr_emulator.ports.time import Clock
from ecr_emulator.ports.upstream_failures import UpstreamFailure, UpstreamNotFound, UpstreamNotStored
from ecr_emulator.services.import_status import AWAITED, PARTIAL, STARTED, import_status, note_end
from ecr_emulator.services.new_images import process_new_image
from ecr_emulator.services.optional_writes import optional_write
from ecr_emulator.services.pull_through.blobs import BlobDownloads
from ecr_emulator.services.pull_through.cached_images import note_failure
from ecr_emulator.services.pull_through.image_parts import ImageParts, Part, Sources
from ecr_emulator.services.pull_through.import_jobs import ImportJob, ReplacedImage, point_tag
from ecr_emulator.services.pull_through.referrers import Referrers
from ecr_emulator.services.pull_through.single_flight import SingleFlight
from ecr_emulator.services.pull_through.updates import Updates
from ecr_emulator.services.pull_through.upstream_threads import UpstreamThreads

log = logging.getLogger(__name__)

AT_ONCE = 4
"""So many images are imported from one upstream at the same time; more wait."""
PARTS_AT_ONCE = 3
"""So many manifests or blobs of one image are fetched at the same time."""
REMEMBERED = 10_000
"""So many images are known to have been seen; of one that is forgotten it is looked up again how its import went."""
PARTS_PER_HOST = 4
"""So many parts are fetched from one upstream at the same time: fewer than blobs may be, so that clients find room.

What clients wait for is not counted."""

_ImportKey = tuple[CachedName, str, str | None, ReplacedImage | None]
"""What one import brings. Each update has its own: the one before may be over and about to end."""

FetchManifest = Callable[[CachedName, str], StoredManifest]
"""Brings a manifest into a repository under a rule, by digest. Raises ``UpstreamFailure``."""


class Imports:
    """Imports images as far as the policy says, each once for any number of clients.

    What an import did not get, it leaves to later requests: a client's own, or the next one that finds the tag
    unchanged upstream. What an import of an earlier process did not get is fetched after the first pull of the tag.
    An update is imported in full; its tag moves at the end.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        downloads: BlobDownloads,
        referrers: Referrers,
        fetch_manifest: FetchManifest,
        policy: ImportPolicy,
    ) -> None:
        self._store = store
        self._clock = clock
        self._downloads = downloads
        self._referrers = referrers
        self._fetch_manifest = fetch_manifest
        self._policy = policy
        self.updates = Updates()
        self._threads = UpstreamThreads(AT_ONCE, "pull-through-import")
        self._single_flight: SingleFlight[_ImportKey, None] = SingleFlight(
            lambda key: self._threads.of(key[0].rule.url)
        )
        self._hosts: dict[str, BoundedSemaphore] = {}
        self._seen: dict[tuple[Registry, str, str], None] = {}
        self._lock = Lock()

    def start(self, job: ImportJob) -> None:
        """Bring in what the job's manifest refers to; its clients' own requests join the downloads."""
        self.is_new(job.cached_name.registry, job.cached_name.name, job.manifest.digest)
        key = (job.cached_name, job.manifest.digest, job.tag, job.replaces)
        self._single_flight.join(key, lambda: self._import_or_say(job))

    def is_new(self, registry: Registry, name: str, digest: str) -> bool:
        """Whether this process has not seen an image lately; it has now."""
        key = (registry, name, digest)
        if key in self._seen:
            return False
        with self._lock:
            self._seen[key] = None
            if len(self._seen) > REMEMBERED:
                del self._seen[next(iter(self._seen))]
        return True

    def resume(self, job: ImportJob) -> None:
        """Go on with an import that failed, or that brought in less than the policy now says.

        What a client pushed was never imported, and is not now.
        """
        with self._store.reading() as work:
            repository = work.repositories.find(job.cached_name.registry, job.cached_name.name)
            image = work.images.find(repository, job.manifest.digest) if repository else None
            status = import_status(work, image) if image else None
        if status == STARTED or (status == PARTIAL and self._policy.mode == FULL):
            self.start(job)

    def pending(self) -> list[Future[None]]:
        """The imports under way."""
        return self._single_flight.pending()

    def forget(self) -> None:
        """Have seen no image."""
        with self._lock:
            self._seen.clear()

    def snapshot(self) -> Mapping[tuple[Registry, str, str], None]:
        """Return the images that were seen, for ``restore``."""
        with self._lock:
            return dict(self._seen)

    def restore(self, snapshot: Mapping[tuple[Registry, str, str], None]) -> None:
        """Have seen the images that were seen when a snapshot was taken, and no others."""
        with self._lock:
            self._seen = dict(snapshot)

    def close(self) -> None:
        """Take no more work."""
        self._threads.close()

    def _import_or_say(self, job: ImportJob) -> None:
        """Nobody waits for an import to hear what went wrong."""
        try:
            self._import(job)
        except UpstreamFailure as failure:
            self._note(job, failure)
        except EcrError as refused:
            self._note(job, UpstreamNotStored(refused.message))
        except Exception:
            log.exception("import of %s@%s failed", job.cached_name.name, job.manifest.digest)
        finally:
            if job.replaces:
                self.updates.end(job)

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
        """Say how it went. The image has not arrived while a part of it has failed to come, but what is whole has.

        Of an update that does not move its tag, nothing has arrived. Raises ``UpstreamFailure`` for it.
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
                return  # the same
            for part in found.parts:
                if not found.failures or (part.is_whole and part.digest != job.manifest.digest):
                    _arrived(work, repository, job, part, found.is_complete, now)
            if job.tag or not work.image_relations.parents(repository, job.manifest.digest):
                failure = next(((each.failure_code, each.reason) for each in found.failures), None)
                attempt = Import(job.cached_name.rule, job.cached_name.name, job.tag, job.manifest.digest, failure)
                work.events.add(attempt.event(now))


def _incomplete(job: ImportJob, found: ImageParts) -> UpstreamFailure:
    """Why a tag does not move."""
    if found.failures:
        return found.failures[0]
    return UpstreamNotFound(
        f"the tag '{job.tag}' moved upstream to {job.manifest.digest}, and not all of that is to be had"
    )


def _arrived(
    work: UnitOfWork, repository: Repository, job: ImportJob, part: Part, everything: bool, now: datetime
) -> None:
    """An image arrives once, and again under each new tag."""
    image = work.images.find(repository, part.digest)
    if image is None:
        return  # it was deleted meanwhile
    tag = job.tag if part.digest == job.manifest.digest else None
    if import_status(work, image) in (None, AWAITED, STARTED) or (tag and not job.is_resumed):
        process_new_image(work, repository, image, tag, now)
    note_end(work, image, is_complete=everything or (part.is_whole and not part.manifest.children))
