"""Manifests of cached images: fetch them from upstreams, store them, and check cached tags once a day.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import replace
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, cast

from ecr_emulator.domain.cache_use import CHECK, HIT, MISS, STALE, FetchedManifest
from ecr_emulator.domain.image import ImageId, Layer, StoredManifest
from ecr_emulator.domain.import_policy import AS_ECR_DOES, LAST_PULLS, ImportPolicy
from ecr_emulator.domain.manifest import Manifest
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import CachedName, find_cached_name
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import EcrError
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.store import Store
from ecr_emulator.ports.time import Clock
from ecr_emulator.ports.upstream import Upstreams
from ecr_emulator.ports.upstream_failures import (
    UpstreamFailure,
    UpstreamNotFound,
    UpstreamNotStored,
    UpstreamTooManyRequests,
)
from ecr_emulator.services.access import Permissions
from ecr_emulator.services.images import Origin, store_image
from ecr_emulator.services.import_status import note_wait
from ecr_emulator.services.optional_writes import optional_write
from ecr_emulator.services.pull_through.blobs import BlobDownloads
from ecr_emulator.services.pull_through.cached_images import cached_manifest, is_due, note_failure, note_success
from ecr_emulator.services.pull_through.checks import Check, Found, Wanted
from ecr_emulator.services.pull_through.client_wait import CLIENT_WAIT
from ecr_emulator.services.pull_through.fetch_turns import ONE_NODE, FetchTurns, turn_to_ask
from ecr_emulator.services.pull_through.import_jobs import ImportJob, ReplacedImage, imported, point_tag
from ecr_emulator.services.pull_through.imports import Imports
from ecr_emulator.services.pull_through.referrers import Referrers
from ecr_emulator.services.pull_through.single_flight import CircularCall, SingleFlight
from ecr_emulator.services.pull_through.uncached_images import UncachedImages
from ecr_emulator.services.pull_through.upstream_manifests import fetch_change, read_from_upstream
from ecr_emulator.services.pull_through.upstream_threads import UpstreamThreads
from ecr_emulator.services.pull_through.waiting_clients import TooManyWaiting, too_late
from ecr_emulator.services.repositories import NewRepositories

log = logging.getLogger(__name__)

MANIFESTS_AT_ONCE = 8
"""Maximum number of manifests fetched from one upstream at the same time, including those that imports ask for."""

_Asked = tuple[CachedName, str | None]
"""The manifest that a call fetches, and the rule: after a change of the rule, a new call is started."""


class PullThrough:
    """Fetches images from upstreams, once for any number of clients.

    Manifests and imports have separate threads, so that long imports never delay a manifest. Each upstream has its own
    threads, so that a silent upstream never delays another one.
    """

    def __init__(  # noqa: PLR0913 - each part has one job
        self,
        store: Store,
        clock: Clock,
        upstreams: Upstreams,
        downloads: BlobDownloads,
        referrers: Referrers,
        *,
        new_repositories: NewRepositories,
        policy: ImportPolicy = AS_ECR_DOES,
        turns: FetchTurns = ONE_NODE,
    ) -> None:
        self._store = store
        self._new_repositories = new_repositories
        self._clock = clock
        self._upstreams = upstreams
        self._downloads = downloads
        self._referrers = referrers
        self._turns = turns
        threads = self._manifest_threads = UpstreamThreads(MANIFESTS_AT_ONCE, "pull-through-manifest")
        self._manifests: SingleFlight[_Asked, Check] = SingleFlight(lambda asked: threads.of(asked[0].rule.url))
        self._imports = Imports(store, clock, downloads, referrers, self._child, policy, turns=turns)
        self._calls: dict[str, Any] = {"manifests": self._manifests, "imports": self._imports}
        self._calls |= {"referrers": referrers, "blobs": downloads}
        self.updates = self._imports.updates
        self.uncached = UncachedImages()

    def manifest(self, wanted: Wanted) -> FetchedManifest:
        """Store and return the manifest that the upstream has now, or return the cached one if the upstream fails.

        If a cached tag has moved upstream, the cached image is served until the new image is stored completely. If the
        rule changes meanwhile, its new upstream is asked. Raises ``UpstreamFailure`` if there is no manifest to return.
        """
        try:
            return self._manifest(wanted)
        except UpstreamFailure:
            if changed := wanted.by_changed_rule(self._store):
                return self.manifest(changed)
            raise

    def _manifest(self, wanted: Wanted) -> FetchedManifest:
        name = wanted.cached_name
        try:
            with self._downloads.waiting.at(name.rule.url):
                return self._answer(wanted)
        except TimeoutError:
            failure: UpstreamFailure = too_late(name.rule.url)
        except TooManyWaiting as busy:
            failure = busy
        except CircularCall:
            failure = UpstreamNotFound(
                f"the pull through cache rules of {name.registry.host} and its upstreams lead in a circle, "
                f"or through too many registries, and none of them has {name.name} {wanted.reference}"
            )
        if cached := cached_manifest(self._store, name, wanted.image_id):
            return FetchedManifest(cached, STALE, failure.reason)
        raise failure

    def _answer(self, wanted: Wanted) -> FetchedManifest:
        """Join checks until one answers the request. Raises ``TimeoutError``, ``CircularCall``, ``UpstreamFailure``."""
        call = (wanted.cached_name, wanted.reference)
        work = partial(self._check, wanted, partial(self._current, wanted))
        while True:
            check = self._manifests.result(call, work, wanted.began + CLIENT_WAIT - monotonic())
            if isinstance(check.result, Found) and check.result.update:
                check.result.update.wait(wanted.since, CLIENT_WAIT)  # the time that the check took is included
            if answer := check.answer(self._store, wanted):
                return answer

    def _check(self, wanted: Wanted, find: Callable[[], Found]) -> Check:
        began, name, what = monotonic(), wanted.cached_name, f"manifest {wanted.reference}"
        try:
            with turn_to_ask(self._turns, self._upstreams, name, what, takes_failure=not wanted.is_refresh):
                result: Found | UpstreamFailure = find()
        except UpstreamFailure as failure:
            result = failure
        return Check(result, began, wanted.now)

    def _current(self, wanted: Wanted) -> Found:
        cached_name, image_id, now = wanted.cached_name, wanted.image_id, wanted.now
        cached = cached_manifest(self._store, cached_name, image_id)
        if cached and not wanted.is_refresh and not is_due(self._store, cached_name, image_id.tag, now):
            return Found(cached, HIT, has_asked=False)  # a check that finished just now fetched it
        update = self.updates.find(cached_name.registry, cached_name.name, image_id.tag)
        if cached and update:
            return Found(cached, STALE, update, has_asked=False)
        try:
            upstream = self._upstreams.at(cached_name.rule)
            manifest = fetch_change(self._store, upstream, cached_name, image_id, cached)
            if manifest is None and cached:
                note_success(self._store, cached_name, image_id.tag, cached, now)
                self._imports.resume(ImportJob(cached_name, image_id.tag, cached, is_resumed=True))
                return Found(cached, CHECK)
            if manifest is None:
                raise UpstreamNotFound(f"{cached_name.rule.url} does not say what {image_id.tag} is")
            job = ImportJob(cached_name, image_id.tag, manifest)
            return self._store_update(job, cached, now) if cached else self._store_first(job, now)
        except UpstreamFailure as failure:
            note_failure(self._store, cached_name, image_id, failure, now)
            served = cached or cached_manifest(self._store, cached_name, image_id)  # it may have been pushed meanwhile
            if served:
                return Found(served, STALE)
            raise

    def _store_first(self, job: ImportJob, now: datetime) -> Found:
        """Store an image that is not cached. The client gets its manifest at once, and its blobs while they arrive."""
        if self._store_job(job, now):
            self._imports.start(job)
        return Found(job.manifest, MISS)

    def _store_update(self, job: ImportJob, cached: StoredManifest, now: datetime) -> Found:
        """Store the new image of a cached tag. Import it in full first if a platform would be lost otherwise."""
        job = replace(job, replaces=ReplacedImage(cached.digest, now))
        update = self.updates.begin(job)
        is_moved = True
        try:
            is_moved = self._store_job(job, now)
        except EcrError as refused:
            raise UpstreamNotStored(refused.message) from refused
        finally:
            if is_moved:
                self.updates.end(job)
        self._imports.start(replace(job, replaces=None) if is_moved else job)
        return Found(job.manifest, CHECK) if is_moved else Found(cached, STALE, update)

    def _store_job(self, job: ImportJob, now: datetime, *, is_part: bool = False) -> bool:
        """Store a manifest; return whether it is stored now, under its tag if the job has one.

        If the disk is full, clients may still pull the blobs of the manifest, but an update fails, since the cached
        image can be served. A part of an image is not stored if the repository was deleted.
        """
        contents = read_from_upstream(job.cached_name.rule, job.manifest)
        try:
            repository, is_tagged = self._store_manifest(job, now, is_part=is_part)
        except StorageFailure as failure:
            if job.replaces:
                raise UpstreamNotStored(f"{job.manifest.digest} is not cached: {failure.reason}") from failure
            name = job.cached_name.name
            log.warning("%s@%s is served and not cached: %s", name, job.manifest.digest, failure.reason)
            self.uncached.add(job.cached_name.registry, name, contents.listed_blobs)
            return False
        self._store_inline_blobs(repository, contents)
        return is_tagged or job.tag is None

    def _store_inline_blobs(self, repository: Repository, contents: Manifest) -> None:
        """Store the blobs that a manifest embeds. If the disk is full, they can be fetched later."""
        for blob in contents.listed_blobs:
            if (data := blob.inline) is not None:
                with optional_write(f"blob {blob.digest} of {repository.name}"):
                    self._downloads.keep(repository, Layer(blob.digest, blob.size), data)

    def _store_manifest(self, job: ImportJob, now: datetime, *, is_part: bool) -> tuple[Repository, bool]:
        """Return the repository that has the manifest now, and whether a tag points at it."""
        registry, name, manifest = job.cached_name.registry, job.cached_name.name, job.manifest
        with self._store.writing() as work:
            if is_part and work.repositories.find(registry, name) is None:
                raise UpstreamNotFound(f"the repository {name} was deleted while {manifest.digest} was fetched")
            repository = self._new_repositories.for_import(work, registry, name, now)
            is_tagged = job.tag is not None and point_tag(work, repository, job, job.tag, now, self._downloads.has)
            if not is_tagged:
                origin = Origin.UPDATE if job.replaces else Origin.UPSTREAM
                stored = store_image(work, repository, imported(manifest, None), now, origin)
                if job.replaces:
                    note_wait(work, stored.image)
        return repository, is_tagged

    def resume_import(
        self, registry: Registry, name: str, tag: str | None, manifest: StoredManifest, permissions: Permissions
    ) -> bool:
        """Resume the import of an image that a killed process began; return whether this is looked for now, once."""
        is_new = self._imports.is_new(registry, name, manifest.digest)
        if is_new:
            with self._store.reading() as work:
                cached_name = find_cached_name(work.rules.all(registry), name)
            if cached_name and permissions.may_import(name):
                self._imports.resume(ImportJob(cached_name, tag, manifest, is_resumed=True))
        return is_new

    def _child(self, cached_name: CachedName, digest: str) -> StoredManifest:
        """Return a manifest that an image refers to. Clients that request the manifest share the call.

        Raises ``UpstreamTooManyRequests`` if the rate limit leaves only the few pulls that are kept for clients.
        """
        child = ImageId(digest=digest)
        cached = cached_manifest(self._store, cached_name, child, is_active=True)
        if cached:
            return cached
        limit = self._upstreams.state(cached_name.rule).rate_limit
        if limit and limit.remaining <= LAST_PULLS:
            raise UpstreamTooManyRequests(
                f"{cached_name.rule.url} allows only {limit.remaining} more pulls, "
                f"which are kept for requests of clients; {digest} is fetched when a client pulls it"
            )
        wanted = Wanted(cached_name, child, self._clock.now())
        check = partial(self._check, wanted, partial(self._current_child, cached_name, child))
        return self._manifests.join((cached_name, digest), check).result().found.manifest

    def _current_child(self, cached_name: CachedName, child: ImageId) -> Found:
        """Store and return a manifest. An archived image becomes active again, since its index is being imported."""
        manifest = cached_manifest(self._store, cached_name, child)
        if manifest is None:
            manifest = self._upstreams.at(cached_name.rule).manifest(cached_name.upstream_name, child.digest or "")
        self._store_job(ImportJob(cached_name, None, manifest), self._clock.now(), is_part=True)
        return Found(manifest, MISS)

    def calls_in_progress(self) -> dict[str, int]:
        """Return the number of calls in progress by kind."""
        return {kind: len(calls.pending()) for kind, calls in self._calls.items()}

    def settle(self, timeout: float | None = None) -> bool:
        """Wait for the pulls and imports under way, and for those that they start; return whether all ended in time."""
        while pending := {cast("Future[Any]", each) for calls in self._calls.values() for each in calls.pending()}:
            if wait(pending, timeout).not_done:
                return False
        return True

    def forget(self) -> None:
        """Forget which images were seen, and which could not be stored."""
        self._imports.forget()
        self.uncached.clear()

    def memories(self) -> tuple[Imports, UncachedImages]:
        """Return the parts that remember images: snapshots of the emulator include them."""
        return self._imports, self.uncached

    def close(self) -> None:
        """Start no more calls and imports, and let no client wait for an update."""
        self._turns.close()
        self.updates.end_all()
        self._imports.close()
        self._manifest_threads.close()
