"""One run of a piece of work for everybody who wants its outcome at the same time."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future
from threading import RLock
from typing import Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """Work in progress by key. A flight belongs to nobody: it goes on when those who wait for it leave."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._flying: dict[Hashable, Future[T]] = {}
        self._lock = RLock()

    def join(self, key: Hashable, work: Callable[[], T]) -> Future[T]:
        """The flight of this key, started now if there is none. All who join get the same result or error."""
        with self._lock:
            flight = self._flying.get(key)
            if flight is None:
                flight = self._executor.submit(work)
                self._flying[key] = flight
                flight.add_done_callback(lambda landed: self._land(key, landed))
            return flight

    def pending(self) -> list[Future[T]]:
        """The flights that have not landed."""
        with self._lock:
            return list(self._flying.values())

    def _land(self, key: Hashable, flight: Future[T]) -> None:
        with self._lock:
            if self._flying.get(key) is flight:
                del self._flying[key]
