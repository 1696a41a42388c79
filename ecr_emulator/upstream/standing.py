"""What upstreams said that stands for a while: asking again before it has passed would only bring the same."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from ecr_emulator.ports.upstream_failures import UpstreamFailure

Subject = TypeVar("Subject", bound=Hashable)

KEPT = 10_000
"""With more than this in memory, those that have passed are forgotten, and the oldest if none has."""


class _Standing(NamedTuple):
    failure: UpstreamFailure
    until: float


class StandingRefusals(Generic[Subject]):
    """Refusals by what they are about. Safe to use from many threads.

    ``elapsed`` counts seconds and never goes back.
    """

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._standing: dict[Subject, _Standing] = {}
        self._lock = Lock()

    def check(self, subject: Subject) -> None:
        """Raise the refusal that stands, in its own words; ``retry_after`` is what is left if it said when."""
        standing = self._standing.get(subject)
        left = self.left(subject)
        if standing and left:
            said_when = standing.failure.retry_after is not None
            raise standing.failure.again(left if said_when else None)

    def left(self, subject: Subject) -> float:
        """For how many more seconds there is no use in asking; 0 if there is some."""
        standing = self._standing.get(subject)
        return max(standing.until - self._elapsed(), 0.0) if standing else 0.0

    def keep(self, subject: Subject, failure: UpstreamFailure, seconds: float) -> None:
        """Let a refusal stand for so many seconds."""
        with self._lock:
            if len(self._standing) >= KEPT:
                self._make_room()
            self._standing.pop(subject, None)
            self._standing[subject] = _Standing(failure.again(failure.retry_after), self._elapsed() + seconds)

    def lift(self, concerns: Callable[[Subject], bool]) -> None:
        """Forget the refusals whose subjects it concerns."""
        with self._lock:
            self._standing = {subject: kept for subject, kept in self._standing.items() if not concerns(subject)}

    def _make_room(self) -> None:
        now = self._elapsed()
        self._standing = {subject: kept for subject, kept in self._standing.items() if kept.until > now}
        if len(self._standing) >= KEPT:
            del self._standing[next(iter(self._standing))]
