"""The port of time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """Return the current instant: aware, in UTC, in whole milliseconds."""


class MeasuringClock(Clock, Protocol):
    """A clock that also measures pauses."""

    def elapsed(self) -> float:
        """Return seconds that grow with real time, even while the clock is frozen, and with moves of the clock."""
