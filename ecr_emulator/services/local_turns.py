"""Turns of the requests of one process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from weakref import WeakValueDictionary


class _Turn:
    """A lock that exists as long as a thread holds it or waits for it."""

    def __init__(self) -> None:
        self.lock = Lock()


class LocalTurns:
    """``ports.turns.Turns`` of the threads of this process."""

    are_shared = False

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[str, _Turn] = WeakValueDictionary()
        self._lock = Lock()

    @contextmanager
    def take(self, name: str, patience: float) -> Iterator[bool]:
        with self._lock:
            turn = self._turns.setdefault(name, _Turn())
        came = turn.lock.acquire(timeout=patience)
        try:
            yield came
        finally:
            if came:
                turn.lock.release()
