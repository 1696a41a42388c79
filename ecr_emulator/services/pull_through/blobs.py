"""The blobs of pull through: each is downloaded once, whoever asks, and sent on while it arrives."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from datetime import datetime, timedelta
from functools import partial
from threading import Event, Lock

from ecr_emulator.domain.image import Layer
from ecr_emulator.domain.names import Registry, algorithm_of, digest_of
from ecr_emulator.domain.pull_through import NEVER, PullThroughRule
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import StorageFailure, UpstreamFailure, UpstreamNotStored, UpstreamUnavailable, WrongBytes
from ecr_emulator.ports import BlobStore, BlobWriter, Clock, IdSource, Store, UnitOfWork, Upstreams
from ecr_emulator.services.pull_through.blob_download import Fill, read_span
from ecr_emulator.services.pull_through.upstream_threads import UpstreamThreads

log = logging.getLogger(__name__)

AT_ONCE = 6
"""So many blobs are downloaded from one upstream at the same time; more wait."""
BAD_FOR = timedelta(seconds=60)
"""A blob that came with wrong bytes is not asked for again so soon: clients try again at once, and it may be large."""

MAKE_ROOM_EVERY = timedelta(minutes=1)
"""Garbage is collected no more often than this for want of room."""

Place = tuple[str, str | None, str]
"""Where a blob comes from: the upstream, its name for the repository, and the digest."""


class Downloads:
    """The fills under way, by digest. Blobs are shared by all repositories, so one fill serves them all.

    ``make_room`` frees what it can when the disk is full.
    """

    def __init__(
        self,
        store: Store,
        blobs: BlobStore,
        ids: IdSource,
        clock: Clock,
        upstreams: Upstreams,
        make_room: Callable[[], object],
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._ids = ids
        self._clock = clock
        self._upstreams = upstreams
        self._make_room = make_room
        self._threads = UpstreamThreads(AT_ONCE, "pull-through-blob")
        self._fills: dict[str, Fill] = {}
        self._running: set[Future[None]] = set()
        self._bad: dict[Place, datetime] = {}
        self._made_room_at = NEVER
        self._lock = Lock()
        self._stopping = Event()

    def chunks(
        self, rule: PullThroughRule, repository: Repository, layer: Layer, start: int, stop: int
    ) -> Generator[bytes, None, None]:
        """The bytes of a blob from start up to stop, as they arrive; it is held until the last one is read.

        Raises ``UpstreamFailure``.
        """
        with self._blobs.hold(layer.digest):
            fill = self._fill(rule, repository, layer)
            yield from fill.follow(start, stop) if fill else read_span(self._blobs, layer.digest, start, stop)

    def fetch(self, rule: PullThroughRule, repository: Repository, layer: Layer) -> None:
        """Return when the repository holds the blob, or is deleted. Raises ``UpstreamFailure``."""
        with self._store.reading() as work:
            if work.repositories.find(repository.registry, repository.name) is None:
                return
        with self._blobs.hold(layer.digest):
            self._blobs.drop_if_damaged(layer.digest)
            fill = self._fill(rule, repository, layer)
            if fill:
                fill.wait()
            try:
                self._link(repository, layer)
            except StorageFailure as failure:
                raise UpstreamNotStored(f"{layer.digest} is not cached: {failure.reason}") from failure

    def has(self, digest: str, size: int) -> bool:
        """Whether a blob of this size is on the disk; one that is damaged is dropped."""
        return self._blobs.intact_size(digest, size) is not None

    def keep(self, repository: Repository, layer: Layer, data: bytes) -> None:
        """Store a blob that came with its manifest. Raises ``StorageFailure``."""
        with self._blobs.hold(layer.digest):
            self._blobs.drop_if_damaged(layer.digest)
            if self._blobs.size(layer.digest) is None:
                writer = self._blobs.begin(self._ids.uuid())
                try:
                    writer.write(data)
                    writer.commit(layer.digest)
                finally:
                    writer.abandon()
            self._link(repository, layer)

    def settle(self, timeout: float | None = None) -> bool:
        """Wait for the downloads under way; whether all ended in time."""
        return not wait(tuple(self._running), timeout).not_done

    def forget(self) -> None:
        """Let every blob be asked for again, and room be made at once."""
        with self._lock:
            self._bad = {}
            self._made_room_at = NEVER

    def close(self) -> None:
        """Take no more work and cut downloads short; what they wrote is no blob yet.

        One that waits for a silent upstream ends when its patience does, or with the process.
        """
        with self._lock:
            self._stopping.set()
        self._threads.close()

    def _fill(self, rule: PullThroughRule, repository: Repository, layer: Layer) -> Fill | None:
        """The download of a blob, started now if there is none; None if the blob is there.

        One that only other accounts have is downloaded again: who names it has to have it from his own upstream.
        """
        self._blobs.intact_size(layer.digest, layer.size)  # drops what the disk has lost bytes of
        with self._lock:
            fill = self._fills.get(layer.digest)
            is_over = fill is None or fill.is_over  # asked first: what ends after this has left a blob
            is_here = self._blobs.size(layer.digest) is not None
            if is_here and ((fill and fill.is_stored) or not self._is_of_others(repository, layer)):
                return None
            if fill is None or is_over:
                if self._stopping.is_set():
                    raise _stopping()
                self._check(rule, repository, layer)
                fill = Fill(layer.digest, layer.size, partial(self._from_upstream, rule, repository, layer))
                self._fills[layer.digest] = fill
                running = self._threads.of(rule.url).submit(self._run, fill, rule, repository, layer)
                self._running.add(running)
                running.add_done_callback(partial(self._over, fill))
            return fill

    def _is_of_others(self, repository: Repository, layer: Layer) -> bool:
        with self._store.reading() as work:
            return is_of_others(work, repository.registry, layer.digest)

    def _run(self, fill: Fill, rule: PullThroughRule, repository: Repository, layer: Layer) -> None:
        try:
            with self._blobs.hold(layer.digest):
                fill.run(partial(self._begin, fill, layer), lambda: self._upstreams.at(rule).hang_up())
                self._link(repository, layer)
        except WrongBytes as wrong:
            self._note_bad(_place(rule, repository, layer))
            log.warning("blob %s of %s is not cached: %s", layer.digest, repository.name, wrong.reason)
        except (UpstreamFailure, StorageFailure) as failure:
            log.warning("blob %s of %s is not cached: %s", layer.digest, repository.name, failure.reason)
        except Exception:
            log.exception("blob %s of %s failed", layer.digest, repository.name)
        finally:
            with self._lock:
                if self._fills.get(layer.digest) is fill:
                    del self._fills[layer.digest]

    def _over(self, fill: Fill, running: Future[None]) -> None:
        if running.cancelled():
            fill.fail(_stopping())
        self._running.discard(running)

    def _begin(self, fill: Fill, layer: Layer) -> BlobWriter:
        """A writer for a blob that there is room for. Raises ``StorageFailure``."""
        if not self._has_room(fill, layer):
            self._make_room_once_in_a_while()
            if not self._has_room(fill, layer):
                raise StorageFailure(f"the disk has no room for {layer.size} bytes more")
        return self._blobs.begin(self._ids.uuid())

    def _make_room_once_in_a_while(self) -> None:
        """An image has many blobs, and what was no garbage for the first is none for the second."""
        now = self._clock.now()
        with self._lock:
            is_due = abs(now - self._made_room_at) >= MAKE_ROOM_EVERY
            self._made_room_at = now if is_due else self._made_room_at
        if is_due:
            self._make_room()

    def _has_room(self, fill: Fill, layer: Layer) -> bool:
        with self._lock:
            claimed = sum(other.claim for other in self._fills.values() if other is not fill)
        return layer.size + claimed <= self._blobs.room()

    def _from_upstream(
        self, rule: PullThroughRule, repository: Repository, layer: Layer, offset: int
    ) -> Generator[bytes, None, None]:
        if offset < layer.size:
            name = rule.upstream_name(repository.name) or repository.name
            for chunk in self._upstreams.at(rule).blob(name, layer.digest, layer.size, offset):
                if self._stopping.is_set():
                    raise _stopping()
                yield chunk

    def _check(self, rule: PullThroughRule, repository: Repository, layer: Layer) -> None:
        """Raise ``UpstreamUnavailable`` where asking would be in vain."""
        if layer.size == 0 and layer.digest != digest_of(b"", algorithm_of(layer.digest)):
            raise UpstreamUnavailable(f"the manifest does not say how large {layer.digest} is")
        since = self._bad.get(_place(rule, repository, layer))
        if since and abs(self._clock.now() - since) < BAD_FOR:
            raise WrongBytes.instead_of(layer.digest)

    def _note_bad(self, place: Place) -> None:
        now = self._clock.now()
        with self._lock:
            recent = {each: since for each, since in self._bad.items() if abs(now - since) < BAD_FOR}
            self._bad = recent | {place: now}

    def _link(self, repository: Repository, layer: Layer) -> None:
        """The repository holds the blob from now on, unless it was deleted meanwhile."""
        with self._store.writing() as work:
            current = work.repositories.find(repository.registry, repository.name)
            if current:
                work.layers.add(current, layer.digest, layer.size, self._clock.now())


def is_of_others(work: UnitOfWork, registry: Registry, digest: str) -> bool:
    """Whether repositories hold a blob, and none of them belongs to the account of a registry."""
    owners = work.layers.owners(digest)
    return bool(owners) and registry.id not in owners


def _place(rule: PullThroughRule, repository: Repository, layer: Layer) -> Place:
    return rule.url, rule.upstream_name(repository.name), layer.digest


def _stopping() -> UpstreamUnavailable:
    return UpstreamUnavailable("the emulator is stopping")
