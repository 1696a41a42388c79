"""Failures of upstreams that are remembered for a while: another request would only bring the same."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from ecr_emulator.ports.upstream_failures import UpstreamFailure

Subject = TypeVar("Subject", bound=Hashable)

KEPT = 10_000
"""Maximum number of failures in memory: first those that have expired are forgotten, then the oldest."""


class Asked(NamedTuple):
    """The moment at which an upstream was asked: the seconds by then, and how often failures had been forgotten."""

    at: float
    forgets: int


class _Entry(NamedTuple):
    failure: UpstreamFailure
    expires_at: float


class FailureCache(Generic[Subject]):
    """Failures by their subjects. Safe to use from many threads.

    ``elapsed`` counts seconds and never goes back.
    """

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._entries: dict[Subject, _Entry] = {}
        self._forgets = 0
        self._lock = Lock()

    def now(self) -> Asked:
        """Return this moment, for ``remember``."""
        return Asked(self._elapsed(), self._forgets)

    def check(self, subject: Subject) -> None:
        """Raise the failure that is remembered for a subject. Its ``retry_after``, if any, is the time that is left."""
        entry = self._entries.get(subject)
        left = self.left(subject)
        if entry and left:
            said_when = entry.failure.retry_after is not None
            raise entry.failure.with_retry_after(left if said_when else None)

    def left(self, subject: Subject) -> float:
        """Return the seconds until the failure is forgotten; 0 if there is none."""
        entry = self._entries.get(subject)
        return max(entry.expires_at - self._elapsed(), 0.0) if entry else 0.0

    def remember(self, subject: Subject, failure: UpstreamFailure, seconds: float, asked: Asked) -> None:
        """Remember a failure until a number of seconds after the upstream was asked.

        A failure is not remembered if others have been forgotten meanwhile, since it may be as old as these.
        """
        with self._lock:
            if asked.forgets != self._forgets:
                return
            if len(self._entries) >= KEPT:
                self._make_room()
            self._entries.pop(subject, None)
            self._entries[subject] = _Entry(failure.with_retry_after(failure.retry_after), asked.at + seconds)

    def forget(self, concerns: Callable[[Subject], bool]) -> None:
        """Forget the failures of the subjects for which ``concerns`` is true."""
        with self._lock:
            self._forgets += 1
            self._entries = {subject: kept for subject, kept in self._entries.items() if not concerns(subject)}

    def snapshot(self) -> Mapping[Subject, _Entry]:
        """Return what is remembered, for ``restore``."""
        with self._lock:
            return dict(self._entries)

    def restore(self, entries: Mapping[Subject, _Entry]) -> None:
        """Remember what was remembered when a snapshot was taken, and nothing else."""
        with self._lock:
            self._forgets += 1
            self._entries = dict(entries)

    def _make_room(self) -> None:
        now = self._elapsed()
        self._entries = {subject: kept for subject, kept in self._entries.items() if kept.expires_at > now}
        if len(self._entries) >= KEPT:
            del self._entries[next(iter(self._entries))]
