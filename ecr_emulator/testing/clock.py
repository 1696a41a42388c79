"""The emulator's time, as tests move it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ecr_emulator.services.clock_moves import move_clock, set_clock
from ecr_emulator.testing.times import read_instant, read_length

if TYPE_CHECKING:
    from ecr_emulator.services.background import Background
    from ecr_emulator.system import SystemClock


class EmulatorClock:
    """Moves the time of one emulator. What falls due meanwhile is done before a call returns."""

    def __init__(self, clock: SystemClock, background: Background) -> None:
        self._clock = clock
        self._background = background

    def now(self) -> datetime:
        """Return the emulator's time: aware, in UTC, in whole milliseconds."""
        return self._clock.now()

    def advance(self, by: timedelta | str) -> datetime:
        """Move on by a length of time, like ``timedelta(hours=25)`` or ``"25h"``; return the new time.

        Raises ``ValueError`` for lengths below zero or of more than ten years.
        """
        return move_clock(self._clock, self._background, read_length(by))

    def freeze(self, at: datetime | None = None) -> datetime:
        """Stand still, now or at an instant, until the clock is moved; return the time."""
        instant = None if at is None else read_instant(at)
        self._clock.freeze()
        return self.set(instant) if instant else self.now()

    def set(self, to: datetime) -> datetime:
        """Go to an instant, in the future or in the past; return it. The clock goes on from there unless frozen.

        Going back undoes nothing: everything that happened keeps its date. Raises ``ValueError`` for an instant without
        time zone, more than ten years ahead, or before 1970.
        """
        return set_clock(self._clock, self._background, read_instant(to))

    def follow_machine(self) -> datetime:
        """Show the machine's time again, as at the start; return it.

        If that is years ahead, the next call takes seconds, for the daily work of these years. A ``reset`` avoids it.
        """
        self._clock.follow_machine()
        return self.now()
