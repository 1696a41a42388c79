"""The system's clock and randomness, behind the ports that the rest of the program uses."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from threading import Lock


class SystemClock:
    """The machine's time, in whole milliseconds, plus an offset that only grows."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._lock = Lock()

    def now(self) -> datetime:
        """The current instant, aware and in UTC."""
        instant = datetime.now(UTC) + self._offset
        return instant.replace(microsecond=instant.microsecond // 1000 * 1000)

    def advance(self, by: timedelta) -> datetime:
        """Move on; returns the new now. A user tests a 24 hour timer in milliseconds with this."""
        with self._lock:
            self._offset += by
        return self.now()


class RandomIds:
    """Random identifiers."""

    def uuid(self) -> str:
        """A new random UUID in its canonical form."""
        return str(uuid.uuid4())
