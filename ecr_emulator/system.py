"""Adapters for the clock and the randomness of the system."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock

_BELOW_MILLISECONDS = [timedelta(microseconds=number) for number in range(1000)]
"""The parts of instants that are cut off. Every pull asks for the time, and ``datetime.replace`` takes much longer."""


_VARIANTS = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""The first digit of the fourth group of a UUID, of which two bits are fixed."""


class SystemClock:
    """The machine's time in whole milliseconds, until it is moved, set or frozen."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._frozen: datetime | None = None
        self._skipped = timedelta()
        self._lock = Lock()

    def now(self) -> datetime:
        """Return the current instant, aware and in UTC."""
        instant = self._frozen or datetime.now(UTC) + self._offset
        return instant - _BELOW_MILLISECONDS[instant.microsecond % 1000]

    @property
    def is_frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._frozen is not None

    @property
    def ahead(self) -> timedelta:
        """The time by which the clock is ahead of the machine's; negative if it is behind."""
        return self.now() - datetime.now(UTC) if self._frozen else self._offset

    def advance(self, by: timedelta) -> datetime:
        """Move the clock forward and return its new time. With this, a test of a 24 hour timer takes milliseconds."""
        with self._lock:
            self._offset += by
            self._skipped += by
            if self._frozen:
                self._frozen += by
        return self.now()

    def freeze(self) -> None:
        """Stop the clock at the current instant."""
        with self._lock:
            self._frozen = self._frozen or self.now()

    def set(self, instant: datetime) -> None:
        """Set the clock to an instant, which may be in the past. A frozen clock stays frozen there."""
        with self._lock:
            self._offset = instant - datetime.now(UTC)
            if self._frozen:
                self._frozen = instant

    def follow_machine(self) -> None:
        """Set the clock back to the machine's time, and unfreeze it."""
        with self._lock:
            self._offset = timedelta()
            self._frozen = None

    def snapshot(self) -> tuple[timedelta, timedelta, datetime | None]:
        """Return the offset of the clock, the time that it skipped, and the instant at which it is frozen."""
        return self._offset, self._skipped, self._frozen

    def restore(self, snapshot: tuple[timedelta, timedelta, datetime | None]) -> None:
        """Restore the offset of a snapshot, so that the time since the snapshot also passes on the restored clock."""
        with self._lock:
            self._offset, self._skipped, self._frozen = snapshot

    def elapsed(self) -> float:
        """Return the seconds since an arbitrary instant. They grow with real time and with ``advance``, never shrink.

        Pauses of requests to upstreams are measured with them, so that setting the machine's time back does not end or
        extend the pauses.
        """
        return time.monotonic() + self._skipped.total_seconds()

    def pause(self, seconds: float) -> None:
        """Wait for a number of seconds of real time; while the clock is frozen, only add them to ``elapsed``."""
        with self._lock:
            if self._frozen:
                self._skipped += timedelta(seconds=seconds)
                return
        time.sleep(seconds)


class RandomIds:
    """Random identifiers."""

    def uuid(self) -> str:
        """Return a new random UUID in its canonical form. ``uuid.uuid4`` takes three times as long."""
        digits = os.urandom(16).hex()
        variant = _VARIANTS[digits[16]]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def chances(seed: int) -> Callable[[], float]:
    """Return a source of numbers from 0 to 1; equal seeds give equal numbers."""
    return random.Random(seed).random  # noqa: S311 - repeatable, for faults that tests inject


def spread() -> float:
    """Return a random factor between 0.8 and 1.2, so that waiting requests are not all repeated at the same moment."""
    return random.SystemRandom().uniform(0.8, 1.2)
