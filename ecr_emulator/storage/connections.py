"""Connections to the database, shared by any number of threads.

Statements run on connections of either driver: ``Connection`` names the methods that they use.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.default import DefaultDialect

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.disk import is_lock
from ecr_emulator.storage.rows import Rows, SqliteRows
from ecr_emulator.storage.watches import Changes

BUSY_TIMEOUT = 10.0
"""Seconds to wait for a lock that another process holds, for example a ``sqlite3`` shell."""
CACHE = 16 << 20
"""Maximum bytes of pages that a connection keeps. Deletions of many images read the same pages again and again."""
MAPPED = 1 << 30
"""Bytes of the file that readers map instead of copying its pages: all readers share the system's cache."""
SQLITE: DefaultDialect = SQLiteDialect_pysqlite(paramstyle="named")


class ConstraintViolation(Exception):
    """A change that a constraint of a table forbids; ``of_key`` if there is another row with the same key."""

    def __init__(self, message: str, *, of_key: bool) -> None:
        super().__init__(message)
        self.of_key = of_key

    @classmethod
    def by_sqlite(cls, error: sqlite3.IntegrityError) -> ConstraintViolation:
        """Return the violation that SQLite reports."""
        of_key = error.sqlite_errorcode in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
        return cls(str(error), of_key=of_key)


class Cursor(Protocol):
    """The rows of a query, or the number of rows that a change has changed."""

    @property
    def rowcount(self) -> int:
        """The number of changed rows."""

    def fetchone(self) -> Any:
        """Return the next row; None after the last one."""

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A driver's connection, on which statements run."""

    def execute(self, sql: str, parameters: Mapping[str, Any], /) -> Cursor:
        """Run a statement with named parameters."""

    def executemany(self, sql: str, parameters: Iterable[Mapping[str, Any]], /) -> Cursor:
        """Run a statement once for each set of named parameters."""


class StoreConnection(Connection, Protocol):
    """A connection of a store. Statements note in ``changes`` what the current transaction changes."""

    changes: Changes

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun and has not ended."""

    def begin_reading(self) -> None:
        """Begin a transaction that sees one state of the database."""

    def begin_writing(self, synced: bool) -> bool:
        """Begin a transaction that may write; False if another program holds the lock.

        Without ``synced``, the commit survives a loss of power only after a later synced commit, or after the database
        has written its log by itself.
        """

    def commit(self) -> None:
        """Commit the transaction."""

    def rollback(self) -> None:
        """Roll the transaction back."""

    def newest_key(self, table: str) -> int:
        """Return the greatest key that a row of a table has had, even if it was deleted; 0 if there was no row."""

    def keep_newest_key(self, table: str, key: int) -> None:
        """Give later rows of a table greater keys than ``key``, whatever rows it has."""

    def rows(self) -> Rows:
        """Return what reads and writes whole tables."""

    def integrity_errors(self) -> list[str]:
        """Return the faults that the database finds in its own files, at most 20; empty if it is whole."""

    def close(self) -> None:
        """Close the connection."""


class WatchedConnection(sqlite3.Connection):
    """``StoreConnection`` on an SQLite file, in autocommit mode. ``connect`` makes it."""

    changes: Changes
    is_durable: bool
    is_synced: bool
    dialect = SQLITE

    def begin_reading(self) -> None:
        self.execute("BEGIN")

    def begin_writing(self, synced: bool) -> bool:
        self.sync_commits(synced)
        try:
            self.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if is_lock(error):
                return False
            raise
        return True

    def sync_commits(self, synced: bool) -> None:
        """Sync later commits, or leave that to SQLite's checkpoints. Without durability, nothing is ever synced."""
        synced = synced and self.is_durable
        if synced != self.is_synced:
            self.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
            self.is_synced = synced

    def newest_key(self, table: str) -> int:
        found = self.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        return int(found[0]) if found else 0

    def keep_newest_key(self, table: str, key: int) -> None:
        if key > self.newest_key(table):
            self.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            self.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, key))

    def rows(self) -> Rows:
        return SqliteRows(self)

    def integrity_errors(self) -> list[str]:
        answers = [answer for (answer,) in self.execute("PRAGMA integrity_check(20)")]
        return [] if answers == ["ok"] else answers


def connect(path: Path, *, durable: bool, read_only: bool = False) -> WatchedConnection:
    """Return a connection in autocommit mode with foreign keys on, for any thread, but one thread at a time.

    A commit on a durable connection survives a loss of power; on another connection it only survives the process.
    """
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, factory=WatchedConnection
    )
    connection.changes = Changes()
    connection.is_durable = connection.is_synced = durable
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")  # first: the next may write
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = -{CACHE // 1024}")
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
