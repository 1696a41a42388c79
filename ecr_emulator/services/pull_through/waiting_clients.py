"""Limits of the clients that wait for upstreams, so that one slow upstream does not occupy all threads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from ecr_emulator.ports.upstream_failures import UpstreamUnavailable
from ecr_emulator.services.pull_through.client_wait import CLIENT_WAIT

CLIENTS = 256
"""Maximum number of clients that wait for one upstream, unless the caller states another."""
RETRY_AFTER = 1.0
"""Seconds after which a client that the emulator does not let wait any longer should try again."""


def too_late(upstream: str) -> UpstreamUnavailable:
    """Return the failure for a client that has waited for ``CLIENT_WAIT`` seconds."""
    sentence = f"{upstream} did not answer within {CLIENT_WAIT:.0f} seconds; the emulator keeps trying"
    return UpstreamUnavailable(sentence, retry_after=RETRY_AFTER)


class TooManyWaiting(UpstreamUnavailable):
    """As many clients wait for an upstream as may."""


class WaitingClients:
    """The clients that wait for upstreams: up to ``per_upstream`` for each. Safe to use from many threads."""

    def __init__(self, per_upstream: int = CLIENTS) -> None:
        self._per_upstream = per_upstream
        self._waiting: Counter[str] = Counter()
        self._lock = Lock()

    @contextmanager
    def at(self, upstream: str) -> Iterator[None]:
        """Count a client of an upstream, which is given by its host, while the block runs.

        Raises ``TooManyWaiting``.
        """
        with self._lock:
            if self._waiting[upstream] >= self._per_upstream:
                sentence = f"{self._per_upstream} clients wait for {upstream} already; try again in a moment"
                raise TooManyWaiting(sentence, retry_after=RETRY_AFTER)
            self._waiting[upstream] += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting[upstream] -= 1
                if not self._waiting[upstream]:
                    del self._waiting[upstream]
