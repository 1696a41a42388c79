"""Circuit breakers: a host that keeps failing gets no requests for a while, then a single one as a probe.

https://martinfowler.com/bliki/CircuitBreaker.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import Lock

from ecr_emulator.ports.upstream_failures import UpstreamUnavailable
from ecr_emulator.quick_dataclasses import dataclass

FAILURES = 5
"""Number of requests in a row, each failed in all its attempts, that open the breaker of a host."""
REST = 30.0
"""Seconds for which an open breaker lets no request through."""
KEPT = 1_000
"""Maximum number of failing hosts in memory; the oldest is forgotten first. Upstreams can redirect to many hosts."""


@dataclass(slots=True)
class _Breaker:
    failures: int = 0
    open_until: float | None = None
    is_probed: bool = False
    reason: str = ""


class CircuitBreakers:
    """The breakers of all hosts that were asked. Safe to use from many threads.

    ``elapsed`` returns seconds and never goes back. After ``check``, the caller reports the result by ``answered`` or
    ``failed``, and by ``gave_up`` when the last of several attempts has failed.
    """

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._breakers: dict[str, _Breaker] = {}
        self._lock = Lock()

    def check(self, host: str) -> None:
        """Return if the host may be asked: its breaker is closed, or this request is the probe.

        Raises ``UpstreamUnavailable`` with the time until the next probe.
        """
        with self._lock:
            breaker = self._breakers.get(host)
            if breaker is None or breaker.open_until is None:
                return
            left = breaker.open_until - self._elapsed()
            if left <= 0 and not breaker.is_probed:
                breaker.is_probed = True
                return
        raise UpstreamUnavailable(
            f"{host} failed {FAILURES} times in a row and is not asked for {REST:.0f} seconds; "
            f"its last failure: {breaker.reason}",
            retry_after=max(left, 1.0),
        )

    def answered(self, host: str) -> None:
        """Close the breaker of a host that answered without a server error."""
        with self._lock:
            self._breakers.pop(host, None)

    def failed(self, host: str) -> None:
        """Record a failed attempt. If it was the probe, the breaker opens again."""
        with self._lock:
            breaker = self._breakers.get(host)
            if breaker and breaker.is_probed:
                breaker.is_probed = False
                breaker.open_until = self._elapsed() + REST

    def gave_up(self, host: str, reason: str) -> None:
        """Record a request that failed in all its attempts."""
        with self._lock:
            breaker = self._breakers.setdefault(host, _Breaker())
            if len(self._breakers) > KEPT:
                del self._breakers[next(iter(self._breakers))]
            breaker.failures += 1
            breaker.reason = reason
            if breaker.failures >= FAILURES and breaker.open_until is None:
                breaker.open_until = self._elapsed() + REST

    def clear(self) -> None:
        """Close all breakers."""
        with self._lock:
            self._breakers.clear()

    def snapshot(self) -> Mapping[str, _Breaker]:
        """Return copies of the breakers, for ``restore``."""
        with self._lock:
            return {host: replace(breaker) for host, breaker in self._breakers.items()}

    def restore(self, breakers: Mapping[str, _Breaker]) -> None:
        """Set all breakers as they were when a snapshot was taken."""
        with self._lock:
            self._breakers = {host: replace(breaker) for host, breaker in breakers.items()}

    def close(self, host: str) -> None:
        """Let the next request through, whatever happened before."""
        self.answered(host)

    def left(self, host: str) -> float | None:
        """Return the seconds for which the breaker stays open, 0 if a probe is due; None if it is closed."""
        breaker = self._breakers.get(host)
        if breaker is None or breaker.open_until is None:
            return None
        return max(breaker.open_until - self._elapsed(), 0.0)
