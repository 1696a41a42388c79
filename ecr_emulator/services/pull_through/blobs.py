"""Blobs of cached images: each is downloaded once for all clients, and sent to them while it arrives."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, wait
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from functools import partial
from threading import Event, Lock
from typing import BinaryIO

from ecr_emulator.domain.image import Layer
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import CachedName
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.validation_timer import NEVER
from ecr_emulator.ports.blobs import BlobStore, BlobWriter
from ecr_emulator.ports.ids import IdSource
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.store import Store, UnitOfWork
from ecr_emulator.ports.time import Clock
from ecr_emulator.ports.upstream import Upstreams
from ecr_emulator.ports.upstream_failures import UpstreamFailure, UpstreamNotStored, UpstreamUnavailable, WrongBytes
from ecr_emulator.services.blob_reads import read_span
from ecr_emulator.services.blob_writes import store_blob
from ecr_emulator.services.pull_through.blob_download import BlobDownload
from ecr_emulator.services.pull_through.fetch_turns import ONE_NODE, EmulatorStopping, FetchTurns
from ecr_emulator.services.pull_through.followed_download import FollowedDownload
from ecr_emulator.services.pull_through.upstream_threads import UpstreamThreads
from ecr_emulator.services.pull_through.waiting_clients import WaitingClients
from ecr_emulator.services.pull_through.wrong_blobs import Place, WrongBlobs

log = logging.getLogger(__name__)

AT_ONCE = 6
"""Maximum number of blobs downloaded from one upstream at the same time; further downloads wait."""
MAKE_ROOM_EVERY = timedelta(minutes=1)
"""Minimum time between two garbage collections that a full disk starts."""


class BlobDownloads:
    """The blob downloads under way, by digest. All repositories share blobs, so one download serves them all.

    ``make_room`` deletes unused blobs when the disk is full. ``waiting`` limits the clients that wait for an upstream,
    for blobs and for manifests. By ``turns``, one node downloads a blob for all nodes.
    """

    def __init__(  # noqa: PLR0913 - each part has one job
        self,
        store: Store,
        blobs: BlobStore,
        ids: IdSource,
        clock: Clock,
        upstreams: Upstreams,
        make_room: Callable[[], object],
        *,
        waiting: WaitingClients | None = None,
        turns: FetchTurns = ONE_NODE,
    ) -> None:
        self.waiting = waiting or WaitingClients()
        self._store = store
        self._blobs = blobs
        self._ids = ids
        self._clock = clock
        self._upstreams = upstreams
        self._make_room = make_room
        self._turns = turns
        self._threads = UpstreamThreads(AT_ONCE, "pull-through-blob")
        self._downloads: dict[str, BlobDownload] = {}
        self._running: set[Future[None]] = set()
        self._wrong = WrongBlobs(clock)
        self._made_room_at = NEVER
        self._lock = Lock()
        self._stopping = Event()

    def chunks(self, cached_name: CachedName, layer: Layer, start: int, stop: int) -> Generator[bytes, None, None]:
        """Yield the bytes of a blob from start up to stop, as they arrive; hold the blob until the last one is read.

        Raises ``UpstreamFailure``.
        """
        with self._blobs.hold(layer.digest):
            download = self._download(cached_name, layer)
            if download is None:
                yield from read_span(self._blobs, layer.digest, start, stop)
                return
            with self.waiting.at(cached_name.rule.url):
                yield from self._followed(download, cached_name.registry, layer, start, stop)

    def fetch(self, cached_name: CachedName, layer: Layer) -> None:
        """Download a blob unless it is stored; return when the repository holds it or is deleted.

        Raises ``UpstreamFailure``.
        """
        with self._store.reading() as work:
            if work.repositories.find(cached_name.registry, cached_name.name) is None:
                return
        with self._blobs.hold(layer.digest):
            self._blobs.drop_if_damaged(layer.digest)
            download = self._download(cached_name, layer)
            if download:
                download.wait()
            try:
                self._link(cached_name.registry, cached_name.name, layer)
            except StorageFailure as failure:
                raise UpstreamNotStored(f"{layer.digest} is not cached: {failure.reason}") from failure

    def has(self, digest: str, size: int) -> bool:
        """Whether a blob of this size is on the disk. A damaged blob is deleted."""
        return self._blobs.intact_size(digest, size) is not None

    def keep(self, repository: Repository, layer: Layer, data: bytes) -> None:
        """Store a blob that came with its manifest. Raises ``StorageFailure``."""
        with self._blobs.hold(layer.digest):
            store_blob(self._blobs, self._ids.uuid(), layer.digest, data)
            self._link(repository.registry, repository.name, layer)

    def settle(self, timeout: float | None = None) -> bool:
        """Wait for the downloads under way; return whether all ended in time."""
        return not wait(tuple(self._running), timeout).not_done

    def pending(self) -> list[Future[None]]:
        """Return the downloads in progress."""
        with self._lock:
            return list(self._running)

    def forget(self) -> None:
        """Forget which blobs came with wrong bytes, and when the disk was last full."""
        self._wrong.forget()
        with self._lock:
            self._made_room_at = NEVER

    def snapshot(self) -> tuple[Mapping[Place, datetime], datetime]:
        """Return which blobs came with wrong bytes, and when the disk was last full, for ``restore``."""
        return self._wrong.snapshot(), self._made_room_at

    def restore(self, snapshot: tuple[Mapping[Place, datetime], datetime]) -> None:
        """Remember what was known when a snapshot was taken, and nothing else."""
        wrong, made_room_at = snapshot
        self._wrong.restore(wrong)
        with self._lock:
            self._made_room_at = made_room_at

    def close(self) -> None:
        """Start no more downloads and end those under way; the bytes that they wrote are deleted.

        A download that waits for a silent upstream ends when its read times out, or with the process.
        """
        with self._lock:
            self._stopping.set()
        self._threads.close()

    def _download(self, cached_name: CachedName, layer: Layer) -> BlobDownload | None:
        """Return the download of a blob; start it if there is none. None if the blob is stored.

        A blob that only other accounts have is downloaded again, from the upstream of the rule.
        """
        self._blobs.intact_size(layer.digest, layer.size)  # deletes a damaged blob
        with self._lock:
            download = self._downloads.get(layer.digest)
            is_over = download is None or download.is_over  # read first: one that ends after this stores it
            is_here = self._blobs.size(layer.digest) is not None
            if is_here and ((download and download.is_stored) or not self._is_of_others(cached_name.registry, layer)):
                return None
            if download is None or is_over:
                if self._stopping.is_set():
                    raise EmulatorStopping
                self._wrong.check(cached_name, layer)
                download = BlobDownload(layer.digest, layer.size, partial(self._from_upstream, cached_name, layer))
                self._downloads[layer.digest] = download
                running = self._threads.of(cached_name.rule.url).submit(self._run, download, cached_name, layer)
                self._running.add(running)
                running.add_done_callback(partial(self._over, download))
            return download

    def _followed(
        self, download: BlobDownload, registry: Registry, layer: Layer, start: int, stop: int
    ) -> Generator[bytes, None, None]:
        """Yield the bytes of a download; those of a blob that was pushed meanwhile if it fails before the first one."""
        sent = 0
        try:
            for chunk in download.follow(start, stop):
                sent += len(chunk)
                yield chunk
        except UpstreamFailure:
            if sent or self._blobs.size(layer.digest) is None or self._is_of_others(registry, layer):
                raise
        else:
            return
        yield from read_span(self._blobs, layer.digest, start, stop)

    def _is_of_others(self, registry: Registry, layer: Layer) -> bool:
        with self._store.reading() as work:
            return is_of_others(work, registry, layer.digest)

    def _run(self, download: BlobDownload, cached_name: CachedName, layer: Layer) -> None:
        try:
            self._download_once(download, cached_name, layer)
        except WrongBytes as wrong:
            self._wrong.add(cached_name, layer)
            log.warning("blob %s of %s is not cached: %s", layer.digest, cached_name.name, wrong.reason)
        except (UpstreamFailure, StorageFailure) as failure:
            log.warning("blob %s of %s is not cached: %s", layer.digest, cached_name.name, failure.reason)
        except Exception:
            log.exception("blob %s of %s failed", layer.digest, cached_name.name)
        finally:
            download.fail(UpstreamUnavailable(f"{layer.digest} cannot be fetched; the log of the emulator says why"))
            with self._lock:
                if self._downloads.get(layer.digest) is download:
                    del self._downloads[layer.digest]

    def _download_once(self, download: BlobDownload, cached_name: CachedName, layer: Layer) -> None:
        """Download a blob, unless another node does; then follow that, and download only what is missing after it."""
        digest, rule = layer.digest, cached_name.rule
        followed = FollowedDownload(digest, download, self._turns)
        turn = self._turns.turn(f"blob {digest}", followed.follow)
        with self._blobs.hold(digest), closing(followed), ExitStack() as attempts:
            try:
                attempts.enter_context(turn)
            except UpstreamFailure as failure:
                download.fail(failure)
                raise
            if self._turns.are_shared and self._is_stored_for(cached_name.registry, layer):
                is_followed = followed.arrived and followed.arrived.is_stored
                download.end(None if is_followed else _StoredBlob(self._blobs, digest))
            else:
                begin = partial(self._begin, download, layer, attempts)
                download.run(begin, lambda: self._upstreams.at(rule).hang_up(), followed.arrived)
            self._link(cached_name.registry, cached_name.name, layer)

    def _is_stored_for(self, registry: Registry, layer: Layer) -> bool:
        return self._blobs.size(layer.digest) is not None and not self._is_of_others(registry, layer)

    def _over(self, download: BlobDownload, running: Future[None]) -> None:
        if running.cancelled():
            download.fail(EmulatorStopping())
        self._running.discard(running)

    def _begin(self, download: BlobDownload, layer: Layer, attempts: ExitStack) -> BlobWriter:
        """Begin to write a blob if the disk has room for it. Raises ``StorageFailure``.

        Other nodes find its bytes until ``attempts`` ends.
        """
        if not self._has_room(download, layer):
            self._make_room_once_in_a_while()
            if not self._has_room(download, layer):
                raise StorageFailure(f"the disk has no room for {layer.size} bytes more")
        name = self._ids.uuid()
        writer = self._blobs.begin(name)
        attempts.enter_context(self._turns.announced(layer.digest, name))
        return writer

    def _make_room_once_in_a_while(self) -> None:
        """Collect garbage, at most once in ``MAKE_ROOM_EVERY``: a second collection would free nothing more."""
        now = self._clock.now()
        with self._lock:
            is_due = abs(now - self._made_room_at) >= MAKE_ROOM_EVERY
            self._made_room_at = now if is_due else self._made_room_at
        if is_due:
            self._make_room()

    def _has_room(self, download: BlobDownload, layer: Layer) -> bool:
        with self._lock:
            claimed = sum(other.claim for other in self._downloads.values() if other is not download)
        return layer.size + claimed <= self._blobs.room()

    def _from_upstream(self, cached_name: CachedName, layer: Layer, offset: int) -> Generator[bytes, None, None]:
        if offset < layer.size:
            upstream = self._upstreams.at(cached_name.rule)
            for chunk in upstream.blob(cached_name.upstream_name, layer.digest, layer.size, offset):
                if self._stopping.is_set():
                    raise EmulatorStopping
                yield chunk

    def _link(self, registry: Registry, name: str, layer: Layer) -> None:
        """Record that the repository holds the blob, unless the repository was deleted meanwhile."""
        with self._store.writing() as work:
            current = work.repositories.find(registry, name)
            if current:
                self._blobs.require_kept(layer.digest)
                work.layers.add(current, layer.digest, layer.size, self._clock.now())


def is_of_others(work: UnitOfWork, registry: Registry, digest: str) -> bool:
    """Whether repositories hold a blob, and none of them belongs to the account of a registry."""
    owners = work.layers.owners(digest)
    return bool(owners) and registry.id not in owners


class _StoredBlob:
    """The bytes of a stored blob."""

    def __init__(self, blobs: BlobStore, digest: str) -> None:
        self._blobs = blobs
        self._digest = digest

    def reader(self) -> BinaryIO:
        return self._blobs.open(self._digest)
