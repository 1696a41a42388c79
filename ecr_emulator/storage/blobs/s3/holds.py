"""Names in use by the threads of one process, for deletions that take requests."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from itertools import islice
from threading import Condition

from ecr_emulator.storage.blobs.holds import LocalHolds

AT_ONCE = 500
"""Maximum number of names that are deleted together."""


class WaitingHolds(LocalHolds):
    """``LocalHolds`` whose threads wait for the names that are being deleted, and for no others."""

    def __init__(self) -> None:
        super().__init__()
        self._deleted: set[str] = set()
        self._changed = Condition(self._lock)

    def take(self, name: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: name not in self._deleted)
            self._holders[name] += 1

    def unheld(self, names: Iterable[str]) -> Generator[set[str], None, None]:
        remaining = iter(names)
        while some := list(islice(remaining, AT_ONCE)):
            with self._changed:
                free = {name for name in some if name not in self._holders and name not in self._deleted}
                self._deleted |= free
            try:
                yield free
            finally:
                with self._changed:
                    self._deleted -= free
                    self._changed.notify_all()
