"""The health of upstreams: the results of requests, remembered to explain why a pull failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from threading import Lock

from ecr_emulator.domain.events import IMPORT
from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.referrer import Referrer
from ecr_emulator.domain.upstream_health import Health, LastError, told_by
from ecr_emulator.ports.store import Store
from ecr_emulator.ports.time import Clock
from ecr_emulator.ports.upstream import ManifestHead, Upstream, UpstreamCost, Upstreams, UpstreamState
from ecr_emulator.ports.upstream_failures import UpstreamFailure
from ecr_emulator.quick_dataclasses import dataclass

LOOK_BACK = 1_000
"""Maximum number of events that are read to learn what happened before the emulator started."""


class WatchedUpstreams:
    """``ports.upstream.Upstreams`` that records the result of every request, by rule.

    A rule that was deleted and created again has no results. Safe to use from many threads.
    """

    def __init__(self, upstreams: Upstreams, store: Store, clock: Clock) -> None:
        self._upstreams = upstreams
        self._store = store
        self._clock = clock
        self._seen: dict[tuple[Registry, str], Health] = {}
        self._lock = Lock()

    def at(self, rule: PullThroughRule) -> Upstream:
        try:
            upstream = self._upstreams.at(rule)
        except UpstreamFailure as failure:
            self._failed(rule, failure)
            raise
        return _Watched(upstream, partial(self._watching, rule))

    def state(self, rule: PullThroughRule) -> UpstreamState:
        return self._upstreams.state(rule)

    def is_here(self, rule: PullThroughRule) -> bool:
        return self._upstreams.is_here(rule)

    def cost(self, rule: PullThroughRule, name: str) -> UpstreamCost:
        return self._upstreams.cost(rule, name)

    def ask_anew(self, rule: PullThroughRule, name: str | None = None) -> None:
        self._upstreams.ask_anew(rule, name)

    def health(self, registry: Registry) -> Callable[[PullThroughRule], Health]:
        """Return a function that gives the health of a rule, by the results since the start and earlier events."""
        with self._store.reading() as work:
            told = told_by(reversed(work.events.latest(registry, IMPORT, LOOK_BACK)))

        def of(rule: PullThroughRule) -> Health:
            seen = self._seen.get((registry, rule.prefix), Health())
            return seen.joined_with(told.get(rule.prefix, Health())).since(rule.created_at)

        return of

    def forget(self) -> None:
        """Forget all results."""
        with self._lock:
            self._seen.clear()

    def snapshot(self) -> Mapping[tuple[Registry, str], Health]:
        """Return the results, for ``restore``."""
        with self._lock:
            return dict(self._seen)

    def restore(self, snapshot: Mapping[tuple[Registry, str], Health]) -> None:
        """Remember the results that were known when a snapshot was taken, and no others."""
        with self._lock:
            self._seen = dict(snapshot)

    @contextmanager
    def _watching(self, rule: PullThroughRule) -> Iterator[None]:
        try:
            yield
        except UpstreamFailure as failure:
            self._failed(rule, failure)
            raise
        self._note(rule, lambda health: health.succeeded(self._clock.now()))

    def _failed(self, rule: PullThroughRule, failure: UpstreamFailure) -> None:
        error = LastError(self._clock.now(), failure.failure_code, failure.reason)
        self._note(rule, lambda health: health.failed(error))

    def _note(self, rule: PullThroughRule, change: Callable[[Health], Health]) -> None:
        key = (rule.registry, rule.prefix)
        with self._lock:
            self._seen[key] = change(self._seen.get(key, Health()))


@dataclass(frozen=True, slots=True)
class _Watched:
    """``ports.upstream.Upstream`` whose requests run within ``watching``, which records their results."""

    upstream: Upstream
    watching: Callable[[], AbstractContextManager[None]]

    def head_manifest(self, name: str, reference: str) -> ManifestHead:
        with self.watching():
            return self.upstream.head_manifest(name, reference)

    def manifest(self, name: str, reference: str) -> StoredManifest:
        with self.watching():
            return self.upstream.manifest(name, reference)

    def blob(self, name: str, digest: str, size: int, offset: int = 0) -> Iterator[bytes]:
        with self.watching():
            yield from self.upstream.blob(name, digest, size, offset)

    def referrers(self, name: str, digest: str) -> list[Referrer]:
        with self.watching():
            return self.upstream.referrers(name, digest)

    def hang_up(self) -> None:
        self.upstream.hang_up()

    def ping(self) -> None:
        with self.watching():
            self.upstream.ping()
