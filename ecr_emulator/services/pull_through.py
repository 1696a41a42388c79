"""The pull through cache: bring an image in from its upstream, keep it, and ask again once a day.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime
from functools import partial
from threading import Event, Lock

from ecr_emulator.domain.events import Import
from ecr_emulator.domain.image import ImageId, Layer, StoredManifest
from ecr_emulator.domain.manifest import Manifest, read_manifest
from ecr_emulator.domain.pull_through import NEVER, PullThroughRule, Validation
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import (
    ImportRefused,
    InvalidParameterException,
    UpstreamFailure,
    UpstreamNotFound,
    UpstreamUnavailable,
)
from ecr_emulator.ports import BlobStore, Clock, IdSource, Store, UnitOfWork, Upstream, Upstreams
from ecr_emulator.services.fills import Fill
from ecr_emulator.services.flights import Flights
from ecr_emulator.services.images import imported, store_image
from ecr_emulator.services.repositories import repository_for_import

log = logging.getLogger(__name__)

PATIENCE = 20.0
"""Seconds that a client waits for a manifest; the flight goes on after that, so that asking again finds it."""
MANIFEST_FLIGHTS = 16
IMPORTS = 4
FILLS = 16


class PullThrough:
    """Fetches from upstreams, once for any number of clients.

    Manifests, imports and blobs have threads of their own, so that long downloads never hold up a manifest.
    """

    def __init__(self, store: Store, blobs: BlobStore, ids: IdSource, clock: Clock, upstreams: Upstreams) -> None:
        self._store = store
        self._blobs = blobs
        self._ids = ids
        self._clock = clock
        self._upstreams = upstreams
        self._manifest_threads = ThreadPoolExecutor(MANIFEST_FLIGHTS, "pull-through-manifest")
        self._import_threads = ThreadPoolExecutor(IMPORTS, "pull-through-import")
        self._fill_threads = ThreadPoolExecutor(FILLS, "pull-through-blob")
        self._manifests: Flights[StoredManifest] = Flights(self._manifest_threads)
        self._imports: Flights[None] = Flights(self._import_threads)
        self._fills: dict[str, Fill] = {}
        self._fills_lock = Lock()
        self._stopping = Event()

    # --- Manifests -------------------------------------------------------------------------------------

    def manifest(self, rule: PullThroughRule, name: str, image_id: ImageId, now: datetime) -> StoredManifest:
        """The manifest as the upstream has it now, stored; the cached one if the upstream fails.

        Raises ``UpstreamFailure`` if there is neither.
        """
        reference = image_id.tag or image_id.digest
        flight = self._manifests.join(
            (rule.registry, name, reference), lambda: self._current(rule, name, image_id, now)
        )
        try:
            return flight.result(PATIENCE)
        except TimeoutError:
            cached = self._cached(rule, name, image_id)
            if cached:
                return cached
            raise UpstreamUnavailable(
                f"{rule.url} did not answer within {PATIENCE:.0f} seconds; the emulator keeps trying",
                retry_after=1,
            ) from None

    def _current(self, rule: PullThroughRule, name: str, image_id: ImageId, now: datetime) -> StoredManifest:
        cached = self._cached(rule, name, image_id)
        try:
            upstream = self._upstreams.at(rule)
            manifest = self._fetch(upstream, rule, name, image_id, cached)
            if manifest is None and cached:
                self._validated(rule, name, image_id.tag, now)
                return cached
            if manifest is None:
                raise UpstreamNotFound(f"{rule.url} does not say what {image_id.tag} is")
            self._keep(rule, name, image_id.tag, manifest, now)
        except UpstreamFailure as failure:
            self._failed(rule, name, image_id, failure, now)
            if cached:
                return cached
            raise
        self._start_import(rule, name, image_id.tag, manifest)
        return manifest

    @staticmethod
    def _fetch(
        upstream: Upstream,
        rule: PullThroughRule,
        name: str,
        image_id: ImageId,
        cached: StoredManifest | None,
    ) -> StoredManifest | None:
        """What the upstream has; None if that is what is cached. An update is fetched by digest: tags move."""
        upstream_name = rule.upstream_name(name) or name
        if cached is None or image_id.tag is None:
            return upstream.manifest(upstream_name, image_id.tag or image_id.digest or "")
        head = upstream.head_manifest(upstream_name, image_id.tag)
        if head.digest == cached.digest:
            return None
        return upstream.manifest(upstream_name, head.digest or image_id.tag)

    def _cached(self, rule: PullThroughRule, name: str, image_id: ImageId) -> StoredManifest | None:
        with self._store.reading() as work:
            repository = work.repositories.find(rule.registry, name)
            if repository is None:
                return None
            if image_id.tag:
                image = work.tags.find(repository, image_id.tag)
            else:
                image = work.images.find(repository, image_id.digest or "")
            return work.images.manifest(image) if image else None

    def _keep(self, rule: PullThroughRule, name: str, tag: str | None, manifest: StoredManifest, now: datetime) -> None:
        _read(rule, manifest)
        with self._store.writing() as work:
            repository = repository_for_import(work, rule.registry, name, now)
            tagged = work.tags.find(repository, tag) if tag else None
            if tag and tagged and tagged.digest != manifest.digest and repository.mutability.locks(tag):
                raise ImportRefused(
                    f"the tag '{tag}' moved upstream to {manifest.digest}, and it is immutable in '{name}'"
                )
            store_image(work, repository, imported(manifest, tag), now, is_import=True)
            if tag:
                work.tags.save_validation(repository, tag, Validation(now))

    def _validated(self, rule: PullThroughRule, name: str, tag: str | None, now: datetime) -> None:
        with self._store.writing() as work:
            repository = work.repositories.find(rule.registry, name)
            if repository and tag:
                work.tags.save_validation(repository, tag, Validation(now))

    def _failed(
        self, rule: PullThroughRule, name: str, image_id: ImageId, failure: UpstreamFailure, now: datetime
    ) -> None:
        """Leave the reason where people look: the log, the event, and the tag's own record."""
        log.warning("pull through %s of %s/%s failed: %s", rule.url, name, image_id, failure.reason)
        with self._store.writing() as work:
            repository = work.repositories.find(rule.registry, name)
            digest = image_id.digest
            if repository and image_id.tag:
                tagged = work.tags.find(repository, image_id.tag)
                digest = tagged.digest if tagged else None
                _note_failure(work, repository, image_id.tag, failure, now)
            attempt = Import(rule, name, image_id.tag, digest, (failure.failure_code, failure.reason))
            work.events.add(attempt.event(now))

    # --- The rest of the image -------------------------------------------------------------------------

    def _start_import(self, rule: PullThroughRule, name: str, tag: str | None, manifest: StoredManifest) -> None:
        """Bring in the children and the blobs behind the client's back; its own requests join the downloads."""
        key = (rule.registry, name, manifest.digest)
        self._imports.join(key, lambda: self._import(rule, name, tag, manifest))

    def _import(self, rule: PullThroughRule, name: str, tag: str | None, manifest: StoredManifest) -> None:
        attempt = Import(rule, name, tag, manifest.digest)
        try:
            self._import_parts(rule, name, manifest)
        except UpstreamFailure as failure:
            log.warning("import of %s@%s is incomplete: %s", name, manifest.digest, failure.reason)
            attempt = replace(attempt, failure=(failure.failure_code, failure.reason))
        with self._store.writing() as work:
            repository = work.repositories.find(rule.registry, name)
            if tag or not (repository and work.images.parents(repository, manifest.digest)):
                work.events.add(attempt.event(self._clock.now()))

    def _import_parts(self, rule: PullThroughRule, name: str, manifest: StoredManifest) -> None:
        contents = _read(rule, manifest)
        for child in contents.children:
            self._import_child(rule, name, child.digest)
        with self._store.reading() as work:
            repository = work.repositories.find(rule.registry, name)
        if repository is None:
            return  # it was deleted meanwhile
        for blob in contents.blobs:
            if self._blobs.size(blob.digest) is None:
                self._fill(rule, repository, Layer(blob.digest, blob.size)).wait()

    def _import_child(self, rule: PullThroughRule, name: str, digest: str) -> None:
        """A child that the upstream does not have is no failure: sparse indexes are legal."""
        child = ImageId(digest=digest)
        cached = self._cached(rule, name, child)
        if cached:
            self._import_parts(rule, name, cached)
            return
        fetch = partial(self._current_child, rule, name, child)
        try:
            stored = self._manifests.join((rule.registry, name, digest), fetch).result()
        except UpstreamNotFound as absent:
            log.info("%s lists %s, which %s does not have: %s", name, digest, rule.url, absent.reason)
            return
        self._import_parts(rule, name, stored)

    def _current_child(self, rule: PullThroughRule, name: str, child: ImageId) -> StoredManifest:
        upstream = self._upstreams.at(rule)
        manifest = upstream.manifest(rule.upstream_name(name) or name, child.digest or "")
        self._keep(rule, name, None, manifest, self._clock.now())
        return manifest

    # --- Blobs -----------------------------------------------------------------------------------------

    def blob(
        self, rule: PullThroughRule, repository: Repository, layer: Layer, start: int, stop: int
    ) -> Iterator[bytes]:
        """The bytes of a blob while it is being cached. Raises ``UpstreamFailure``."""
        return self._fill(rule, repository, layer).follow(start, stop)

    def _fill(self, rule: PullThroughRule, repository: Repository, layer: Layer) -> Fill:
        with self._fills_lock:
            fill = self._fills.get(layer.digest)
            if fill is None or fill.has_failed:
                if self._stopping.is_set():
                    raise _stopping()
                fill = Fill(layer.digest, layer.size, self._blobs.begin(self._ids.uuid()))
                self._fills[layer.digest] = fill
                running = self._fill_threads.submit(self._run_fill, fill, rule, repository, layer)
                running.add_done_callback(partial(_give_up, fill))
            return fill

    def _run_fill(self, fill: Fill, rule: PullThroughRule, repository: Repository, layer: Layer) -> None:
        try:
            fill.run(self._blob_chunks(rule, repository, layer))
            with self._store.writing() as work:
                if work.repositories.find(repository.registry, repository.name):
                    work.layers.add(repository, layer.digest, layer.size, self._clock.now())
        except UpstreamFailure as failure:
            log.warning("blob %s of %s failed: %s", layer.digest, repository.name, failure.reason)
        except Exception:
            log.exception("blob %s of %s failed", layer.digest, repository.name)
        finally:
            with self._fills_lock:
                if self._fills.get(layer.digest) is fill:
                    del self._fills[layer.digest]

    def _blob_chunks(self, rule: PullThroughRule, repository: Repository, layer: Layer) -> Iterator[bytes]:
        if layer.size:
            upstream_name = rule.upstream_name(repository.name) or repository.name
            for chunk in self._upstreams.at(rule).blob(upstream_name, layer.digest, layer.size):
                if self._stopping.is_set():
                    raise _stopping()
                yield chunk

    # --- Life ------------------------------------------------------------------------------------------

    def settle(self, timeout: float | None = None) -> bool:
        """Wait for the imports under way; whether all ended in time."""
        return not wait(self._imports.pending(), timeout).not_done

    def close(self) -> None:
        """Take no more work and cut downloads short; what they wrote is no blob yet.

        One that waits for a silent upstream ends when its patience does, or with the process.
        """
        with self._fills_lock:
            self._stopping.set()
        for threads in (self._manifest_threads, self._import_threads, self._fill_threads):
            threads.shutdown(wait=False, cancel_futures=True)


def _stopping() -> UpstreamUnavailable:
    return UpstreamUnavailable("the emulator is stopping")


def _give_up(fill: Fill, running: Future[None]) -> None:
    if running.cancelled():
        fill.fail(_stopping())


def _read(rule: PullThroughRule, manifest: StoredManifest) -> Manifest:
    try:
        return read_manifest(manifest.raw, manifest.media_type)
    except InvalidParameterException as refused:
        raise UpstreamUnavailable(
            f"{rule.url} sent {manifest.digest} as {manifest.media_type}, which ECR does not store"
        ) from refused


def _note_failure(work: UnitOfWork, repository: Repository, tag: str, failure: UpstreamFailure, now: datetime) -> None:
    known = work.tags.validation(repository, tag) or Validation(NEVER)
    again = replace(known, attempted_at=now, failures=known.failures + 1, last_error=failure.reason)
    work.tags.save_validation(repository, tag, again)
