"""The blobs of pull through: each is downloaded once, whoever asks, and sent on while it arrives."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Event, Lock

from ecr_emulator.domain.image import Layer
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import UpstreamFailure, UpstreamUnavailable
from ecr_emulator.ports import BlobStore, Clock, IdSource, Store, Upstreams
from ecr_emulator.services.fills import Fill, read_span

log = logging.getLogger(__name__)

AT_ONCE = 16
"""So many blobs are downloaded at the same time; more wait."""


class Downloads:
    """The fills under way, by digest. Blobs are shared by all repositories, so one fill serves them all."""

    def __init__(self, store: Store, blobs: BlobStore, ids: IdSource, clock: Clock, upstreams: Upstreams) -> None:
        self._store = store
        self._blobs = blobs
        self._ids = ids
        self._clock = clock
        self._upstreams = upstreams
        self._threads = ThreadPoolExecutor(AT_ONCE, "pull-through-blob")
        self._fills: dict[str, Fill] = {}
        self._lock = Lock()
        self._stopping = Event()

    def chunks(
        self, rule: PullThroughRule, repository: Repository, layer: Layer, start: int, stop: int
    ) -> Generator[bytes, None, None]:
        """The bytes of a blob from start up to stop, as they arrive. Raises ``UpstreamFailure``."""
        fill = self._fill(rule, repository, layer)
        return fill.follow(start, stop) if fill else read_span(self._blobs.open(layer.digest), start, stop)

    def fetch(self, rule: PullThroughRule, repository: Repository, layer: Layer) -> None:
        """Return when the repository holds the blob. Raises ``UpstreamFailure``."""
        with self._blobs.hold(layer.digest):
            fill = self._fill(rule, repository, layer)
            if fill:
                fill.wait()
            self._link(repository, layer)

    def close(self) -> None:
        """Take no more work and cut downloads short; what they wrote is no blob yet.

        One that waits for a silent upstream ends when its patience does, or with the process.
        """
        with self._lock:
            self._stopping.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _fill(self, rule: PullThroughRule, repository: Repository, layer: Layer) -> Fill | None:
        """The download of a blob, started now if there is none; None if the blob is there."""
        with self._lock:
            if self._blobs.size(layer.digest) is not None:
                return None
            fill = self._fills.get(layer.digest)
            if fill is None or fill.has_failed:
                if self._stopping.is_set():
                    raise _stopping()
                fill = Fill(layer.digest, layer.size, self._blobs.begin(self._ids.uuid()))
                self._fills[layer.digest] = fill
                running = self._threads.submit(self._run, fill, rule, repository, layer)
                running.add_done_callback(partial(_give_up, fill))
            return fill

    def _run(self, fill: Fill, rule: PullThroughRule, repository: Repository, layer: Layer) -> None:
        try:
            with self._blobs.hold(layer.digest):
                fill.run(self._from_upstream(rule, repository, layer))
                self._link(repository, layer)
        except UpstreamFailure as failure:
            log.warning("blob %s of %s failed: %s", layer.digest, repository.name, failure.reason)
        except Exception:
            log.exception("blob %s of %s failed", layer.digest, repository.name)
        finally:
            with self._lock:
                if self._fills.get(layer.digest) is fill:
                    del self._fills[layer.digest]

    def _from_upstream(self, rule: PullThroughRule, repository: Repository, layer: Layer) -> Iterator[bytes]:
        if layer.size:
            upstream_name = rule.upstream_name(repository.name) or repository.name
            for chunk in self._upstreams.at(rule).blob(upstream_name, layer.digest, layer.size):
                if self._stopping.is_set():
                    raise _stopping()
                yield chunk

    def _link(self, repository: Repository, layer: Layer) -> None:
        """The repository holds the blob from now on, unless it was deleted meanwhile."""
        with self._store.writing() as work:
            current = work.repositories.find(repository.registry, repository.name)
            if current:
                work.layers.add(current, layer.digest, layer.size, self._clock.now())


def _stopping() -> UpstreamUnavailable:
    return UpstreamUnavailable("the emulator is stopping")


def _give_up(fill: Fill, running: Future[None]) -> None:
    if running.cancelled():
        fill.fail(_stopping())
