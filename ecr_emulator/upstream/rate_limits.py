"""The rate limits of upstreams, which count by who asks: what is left of them, and until when they are used up.

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
"""Seconds for which an upstream is left alone that does not say for how long."""
WINDOW = 3_600.0
"""Seconds after which a limit is forgotten whose upstream does not say for how long it counts."""
KEPT = 1_000
"""With more keys than this in memory, the oldest is forgotten: secrets are rotated."""

_QUANTITY = re.compile(r"(?P<number>\d{1,9})(?:\s*;\s*w=(?P<window>\d{1,9}))?")


class HostCredential(NamedTuple):
    """The key of a rate limit: a host, and the credential with which it is asked, or None for anonymous requests."""

    host: str
    credential: Credential | None


class _Known(NamedTuple):
    limit: RateLimit
    until: float


class RateLimitsSnapshot(NamedTuple):
    """What was known of all rate limits at one moment."""

    used_up: Mapping[HostCredential, Any]
    known: Mapping[HostCredential, _Known]


class RateLimits:
    """What is known of the rate limits of all hosts. Safe to use from many threads."""

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._used_up: FailureCache[HostCredential] = FailureCache(elapsed)
        self._known: dict[HostCredential, _Known] = {}
        self._lock = Lock()

    def check(self, key: HostCredential) -> None:
        """Raise ``UpstreamTooManyRequests`` while the upstream wants to be left alone."""
        self._used_up.check(key)

    def refused(self, key: HostCredential, failure: UpstreamTooManyRequests) -> None:
        """The upstream answered 429: it is left alone for as long as it said."""
        self._used_up.remember(key, failure, REST if failure.retry_after is None else failure.retry_after)

    def answered(self, key: HostCredential, headers: Mapping[str, str]) -> None:
        """Remember what the headers of an answer say of the limit, as Docker Hub's do.

        It counts until its window is over, and for no longer than a day.
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
        """Know nothing of any limit."""
        self._used_up.forget(lambda key: True)
        with self._lock:
            self._known.clear()

    def snapshot(self) -> RateLimitsSnapshot:
        """Return what is known, for ``restore``."""
        with self._lock:
            return RateLimitsSnapshot(self._used_up.snapshot(), dict(self._known))

    def restore(self, snapshot: RateLimitsSnapshot) -> None:
        """Know what was known when a snapshot was taken, and nothing else."""
        self._used_up.restore(snapshot.used_up)
        with self._lock:
            self._known = dict(snapshot.known)

    def known(self, key: HostCredential) -> RateLimit | None:
        """What the upstream last said of its limit; None if it never did, or so long ago that it counts anew."""
        known = self._known.get(key)
        return known.limit if known and self._elapsed() < known.until else None

    def left(self, key: HostCredential) -> float:
        """For how many more seconds the upstream wants to be left alone; 0 if it does not."""
        return self._used_up.left(key)


def _quantity(header: str | None) -> tuple[int, int | None] | None:
    """A number and its window in seconds, as in ``100;w=21600``."""
    match = _QUANTITY.fullmatch((header or "").strip())
    if match is None:
        return None
    return int(match["number"]), int(match["window"]) if match["window"] else None
