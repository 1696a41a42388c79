"""Connections to the database, shared by any number of threads."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Generic, Protocol, TypeVar

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.watches import Changes

BUSY_TIMEOUT = 10.0
"""Seconds to wait for a lock that another process holds, for example a ``sqlite3`` shell."""
MAPPED = 1 << 30
"""Bytes of the file that readers map instead of copying its pages: all readers share the system's cache."""


class WatchedConnection(sqlite3.Connection):
    """A connection on which statements note what the current transaction changes."""

    changes: Changes


def connect(path: Path, *, durable: bool, read_only: bool = False) -> WatchedConnection:
    """Return a connection in autocommit mode with foreign keys on, for any thread, but one thread at a time.

    A commit on a durable connection survives a loss of power; on another connection it only survives the process.
    """
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, factory=WatchedConnection
    )
    connection.changes = Changes()
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")  # first: the next may write
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA mmap_size = {MAPPED}")
    return connection


class Closable(Protocol):
    """Something that a pool can hold."""

    def close(self) -> None:
        """Release the resource."""


T = TypeVar("T", bound=Closable)


class Pool(Generic[T]):
    """At most ``limit`` resources, opened when needed and lent to threads in their order of arrival."""

    def __init__(self, opening: Callable[[], T], limit: int) -> None:
        self._opening = opening
        self._vacancies = limit
        self._idle: list[T] = []
        self._queue: deque[SimpleQueue[T]] = deque()
        self._lock = Lock()
        self._closed = False

    def take(self) -> T:
        """Borrow a resource; wait if all are lent. Raises ``StorageFailure`` after ``close``."""
        place: SimpleQueue[T] | None = None
        with self._lock:
            if self._closed:
                raise StorageFailure("the store is closed")
            if self._idle:
                return self._idle.pop()
            if self._vacancies:
                self._vacancies -= 1
            else:
                place = SimpleQueue()
                self._queue.append(place)
        return self._open() if place is None else self._wait(place)

    def give(self, thing: T) -> None:
        """Give a borrowed resource back."""
        with self._lock:
            if self._queue:
                self._queue.popleft().put(thing)
            elif self._closed:
                thing.close()
            else:
                self._idle.append(thing)

    def close(self) -> None:
        """Close the idle resources now, and each lent resource when it is given back."""
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().close()

    def _open(self) -> T:
        try:
            return self._opening()
        except BaseException:
            with self._lock:
                self._vacancies += 1
            raise

    def _wait(self, place: SimpleQueue[T]) -> T:
        try:
            return place.get()
        except BaseException:  # an interrupted thread must not take a connection with it
            with self._lock:
                waiting = place in self._queue
                if waiting:
                    self._queue.remove(place)
            if not waiting:
                self.give(place.get())
            raise
