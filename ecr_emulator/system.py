"""The system's clock and randomness, behind the ports that the rest of the program uses."""

from __future__ import annotations

import random
import time
import uuid
from datetime import UTC, datetime, timedelta
from threading import Lock


class SystemClock:
    """The machine's time in whole milliseconds, until it is moved, set or frozen."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._frozen: datetime | None = None
        self._skipped = timedelta()
        self._lock = Lock()

    def now(self) -> datetime:
        """The current instant, aware and in UTC."""
        instant = self._frozen or datetime.now(UTC) + self._offset
        return instant.replace(microsecond=instant.microsecond // 1000 * 1000)

    def advance(self, by: timedelta) -> datetime:
        """Move on; returns the new now. A user tests a 24 hour timer in milliseconds with this."""
        with self._lock:
            self._offset += by
            self._skipped += by
            if self._frozen:
                self._frozen += by
        return self.now()

    def freeze(self) -> None:
        """Stand still at the current instant."""
        with self._lock:
            self._frozen = self._frozen or self.now()

    def set(self, instant: datetime) -> None:
        """Go to an instant, which may be in the past. A frozen clock stands still there."""
        with self._lock:
            self._offset = instant - datetime.now(UTC)
            if self._frozen:
                self._frozen = instant

    def follow_machine(self) -> None:
        """Show the machine's time again."""
        with self._lock:
            self._offset = timedelta()
            self._frozen = None

    def snapshot(self) -> tuple[timedelta, timedelta, datetime | None]:
        """Return how far the clock was moved and where it stands still, for ``restore``."""
        return self._offset, self._skipped, self._frozen

    def restore(self, snapshot: tuple[timedelta, timedelta, datetime | None]) -> None:
        """Move the clock back to where it was when a snapshot was taken, with the time that passed since."""
        with self._lock:
            self._offset, self._skipped, self._frozen = snapshot

    def elapsed(self) -> float:
        """Seconds since some instant: they pass as the machine's time does and with ``advance``, and never go back.

        For what has to rest a while: a machine whose time is set back does not ask every upstream again at once.
        """
        return time.monotonic() + self._skipped.total_seconds()

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class RandomIds:
    """Random identifiers."""

    def uuid(self) -> str:
        """A new random UUID in its canonical form."""
        return str(uuid.uuid4())


def spread() -> float:
    """A factor between 0.8 and 1.2: those who wait as long do not come back at the same moment."""
    return random.SystemRandom().uniform(0.8, 1.2)
