"""Turns of the requests of all nodes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ecr_emulator.storage.postgres.session_locks import SessionLocks


class SharedTurns:
    """``ports.turns.Turns`` of all nodes. A turn is an exclusive lock."""

    are_shared = True

    def __init__(self, locks: SessionLocks) -> None:
        self._locks = locks

    @contextmanager
    def take(self, name: str, patience: float) -> Iterator[bool]:
        lock = f"turn on {name}"
        came = self._locks.try_exclusive(lock, patience)
        try:
            yield came
        finally:
            if came:
                self._locks.release_exclusive(lock)
