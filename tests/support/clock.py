"""Clocks for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ecr_emulator.system import SystemClock


class FrozenClock(SystemClock):
    """A clock that only ``advance`` moves."""

    def __init__(self) -> None:
        self._start = self._now = datetime(2026, 3, 4, 5, 6, 7, 89_000, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        self._now += by
        return self._now

    def snapshot(self) -> datetime:  # type: ignore[override]
        return self._now

    def restore(self, snapshot: datetime) -> None:  # type: ignore[override]
        self._now = snapshot

    def elapsed(self) -> float:
        return (self._now - self._start).total_seconds()

    def pause(self, seconds: float) -> None:
        self.advance(timedelta(seconds=seconds))


class HurriedClock(SystemClock):
    """A clock that a pause moves on, so that no test waits."""

    def pause(self, seconds: float) -> None:
        self.advance(timedelta(seconds=seconds))
