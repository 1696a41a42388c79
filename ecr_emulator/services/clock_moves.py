"""Moves of the clock: tasks that become due are performed, and other requests are answered meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

from ecr_emulator.services.background import Background

LONGEST = timedelta(days=3_660)
"""The longest move, ten years. Daily tasks are performed for each day of it."""
END = datetime(9000, 1, 1, tzinfo=UTC)
"""The latest time of the clock: dates some years after it must still be valid."""
START = datetime(1970, 1, 1, tzinfo=UTC)
"""The earliest time of the clock: dates some years before it must still be valid."""
STEP = timedelta(days=1)


class MovableClock(Protocol):
    """A clock that users may move."""

    @property
    def is_frozen(self) -> bool:
        """Whether the clock stands still."""

    @property
    def ahead(self) -> timedelta:
        """The time by which the clock is ahead of the machine's; negative if it is behind."""

    def now(self) -> datetime:
        """Return the current time."""

    def advance(self, by: timedelta) -> datetime:
        """Move the clock forward; return the new time."""

    def freeze(self) -> None:
        """Stop the clock at the current time."""

    def set(self, instant: datetime) -> None:
        """Set the clock to a time, which may be in the past."""

    def follow_machine(self) -> None:
        """Let the clock show the machine's time again."""


def move_clock(clock: MovableClock, background: Background, by: timedelta) -> datetime:
    """Move the clock forward, perform all tasks that become due, and return the new time.

    The clock moves in steps of at most a day. A request that arrives meanwhile waits for one step, not for all of them.
    Raises ``ValueError``, whose message says how far the clock can move.
    """
    if by > LONGEST:
        raise ValueError(f"the clock moves at most {LONGEST.days} days at a time")
    if clock.now() + by > END:
        raise ValueError(f"the clock ends with the year {END.year - 1}")
    now = clock.now()
    while by:
        step = min(by, STEP)
        now = clock.advance(step)
        background.catch_up(now)
        by -= step
    return now


def set_clock(clock: MovableClock, background: Background, to: datetime) -> datetime:
    """Move the clock forward to a time as ``move_clock`` does, or set it back; return the new time.

    Setting the clock back undoes nothing: everything that happened keeps its date. Raises ``ValueError`` for a time
    without a time zone, and for a time that the clock cannot reach.
    """
    if to.tzinfo is None:
        raise ValueError(f"the time needs a time zone, as {to.isoformat()}+00:00 has")
    if to < START:
        raise ValueError(f"the clock begins with the year {START.year}")
    ahead = to - clock.now()
    if ahead > timedelta():
        move_clock(clock, background, ahead)
    clock.set(to.astimezone(UTC))
    return clock.now()
