"""Moving the clock: what falls due meanwhile is done, and others are answered in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

from ecr_emulator.services.background import Background

LONGEST = timedelta(days=3_660)
"""Ten years: the longest move. Daily work is done for each day of it."""
END = datetime(9000, 1, 1, tzinfo=UTC)
"""Where the clock ends: what lies some years ahead of it must still be a date."""
START = datetime(1970, 1, 1, tzinfo=UTC)
"""Where the clock begins: what lies some years before it must still be a date."""
STEP = timedelta(days=1)


class MovableClock(Protocol):
    """A clock that users may move."""

    def now(self) -> datetime:
        """The current instant."""

    def advance(self, by: timedelta) -> datetime:
        """Move on and return the new now."""

    def freeze(self) -> None:
        """Stand still at the current instant."""

    def set(self, instant: datetime) -> None:
        """Go to an instant, which may be in the past."""

    def follow_machine(self) -> None:
        """Show the machine's time again."""


def move_clock(clock: MovableClock, background: Background, by: timedelta) -> datetime:
    """Move the clock on and return the new now, when everything that fell due is done.

    The clock goes by steps of a day at most. Requests that come meanwhile see it on its way and wait for one step, not
    for all. Raises ``ValueError`` that says how far the clock can go.
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
    """Move the clock on to an instant as ``move_clock`` does, or set it back to one; return the new now.

    Setting it back undoes nothing: everything that happened keeps its date. Raises ``ValueError`` for an instant
    without time zone and for one that the clock cannot reach.
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
