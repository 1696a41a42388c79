"""Rate limits of upstreams, by credential: the pulls that remain, and how long a used-up limit lasts.

https://docs.docker.com/docker-hub/usage/pulls/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, NamedTuple

from ecr_emulator.ports.secrets import Credential
from ecr_emulator.ports.upstream import RateLimit
from ecr_emulator.ports.upstream_failures import UpstreamTooManyRequests
from ecr_emulator.upstream.error_responses import LONGEST_REST
from ecr_emulator.upstream.failure_cache import FailureCache

REST = 10.0
"""Seconds for which an upstream is not asked after a 429 without Retry-After."""
WINDOW = 3_600.0
"""Seconds after which a limit is forgotten if the upstream sends no window for it."""
KEPT = 1_000
"""Maximum number of keys in memory; the oldest is forgotten first. Rotated secrets leave keys behind."""

_QUANTITY = re.compile(r"(?P<number>\d{1,9})(?:\s*;\s*w=(?P<window>\d{1,9}))?")


class HostCredential(NamedTuple):
    """The key of a rate limit: a host, and the credential with which it is asked, or None for anonymous requests."""

    host: str
    credential: Credential | None


class _Known(NamedTuple):
    limit: RateLimit
    until: float


class RateLimitsSnapshot(NamedTuple):
    """All rate limits at one moment."""

    used_up: Mapping[HostCredential, Any]
    known: Mapping[HostCredential, _Known]


class RateLimits:
    """The rate limits of all hosts. Safe to use from many threads."""

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._used_up: FailureCache[HostCredential] = FailureCache(elapsed)
        self._known: dict[HostCredential, _Known] = {}
        self._lock = Lock()

    def check(self, key: HostCredential) -> None:
        """Raise ``UpstreamTooManyRequests`` while the limit is used up."""
        self._used_up.check(key)

    def refused(self, key: HostCredential, failure: UpstreamTooManyRequests) -> None:
        """Record a 429: the limit is used up for as long as the upstream says."""
        rest = REST if failure.retry_after is None else failure.retry_after
        self._used_up.remember(key, failure, rest, self._used_up.now())

    def answered(self, key: HostCredential, headers: Mapping[str, str]) -> None:
        """Remember the limit in the headers of an answer, as Docker Hub sends it.

        The limit is remembered until its window is over, at most for a day.
        """
        limit = _quantity(headers.get("RateLimit-Limit"))
        remaining = _quantity(headers.get("RateLimit-Remaining"))
        if not (limit and remaining):
            return
        window = limit[1] or remaining[1]
        until = self._elapsed() + min(window or WINDOW, LONGEST_REST)
        with self._lock:
            self._known.pop(key, None)
            if len(self._known) >= KEPT:
                del self._known[next(iter(self._known))]
            self._known[key] = _Known(RateLimit(limit[0], remaining[0], window), until)

    def clear(self) -> None:
        """Forget all limits."""
        self._used_up.forget(lambda key: True)
        with self._lock:
            self._known.clear()

    def snapshot(self) -> RateLimitsSnapshot:
        """Return all limits, for ``restore``."""
        with self._lock:
            return RateLimitsSnapshot(self._used_up.snapshot(), dict(self._known))

    def restore(self, snapshot: RateLimitsSnapshot) -> None:
        """Replace all limits by those of a snapshot."""
        self._used_up.restore(snapshot.used_up)
        with self._lock:
            self._known = dict(snapshot.known)

    def known(self, key: HostCredential) -> RateLimit | None:
        """Return the limit that the upstream last sent; None if it sent none or the window is over."""
        known = self._known.get(key)
        return known.limit if known and self._elapsed() < known.until else None

    def remaining(self) -> dict[str, int]:
        """Return by host the pulls that remain: the fewest, if the host is asked with several credentials."""
        fewest: dict[str, int] = {}
        with self._lock:
            for key, known in self._known.items():
                if self._elapsed() < known.until:
                    number = known.limit.remaining
                    fewest[key.host] = min(number, fewest.get(key.host, number))
        return fewest

    def left(self, key: HostCredential) -> float:
        """Return the seconds for which the limit is still used up; 0 if it is not."""
        return self._used_up.left(key)


def _quantity(header: str | None) -> tuple[int, int | None] | None:
    """Read a number and its window in seconds, as in ``100;w=21600``."""
    match = _QUANTITY.fullmatch((header or "").strip())
    if match is None:
        return None
    return int(match["number"]), int(match["window"]) if match["window"] else None
