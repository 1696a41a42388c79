"""The metadata in one SQLite file: many readers, one writer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from sqlite3 import Connection
from time import monotonic, sleep

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage import resets, times
from ecr_emulator.storage.ballast import Ballast
from ecr_emulator.storage.connections import BUSY_TIMEOUT, Pool, StoreConnection, WatchedConnection, connect
from ecr_emulator.storage.disk import KEPT, LOCKED, free_bytes, read_failures, storage_failures
from ecr_emulator.storage.events import DEFAULT_SIZE
from ecr_emulator.storage.migrations import migrate, readable
from ecr_emulator.storage.tables import events
from ecr_emulator.storage.tasks import SqlTasks
from ecr_emulator.storage.unit_of_work import SqlUnitOfWork
from ecr_emulator.storage.units import Units
from ecr_emulator.storage.watches import Changes, Watches

READERS = 2
"""Maximum number of concurrent reading units; others wait. With only one, a long list would block all readers.

With eight, 16 clients cost twice the processor time per request: threads in SQLite compete for Python's lock.
"""
RETRY = 0.05
"""Seconds between two attempts to take a lock that another program holds."""


class SqlStore(Units):
    """``ports.store.Store`` in one SQLite file, for any number of threads of one process.

    The constructor raises ``DatabaseTooNew`` and ``DatabaseUnreadable``.
    """

    def __init__(self, path: Path, durable: bool, event_log_size: int = DEFAULT_SIZE) -> None:
        self._folder = os.fspath(path.parent)
        self._ballast = Ballast(path.with_suffix(".ballast"), wanted=durable)
        self._ballast.release()  # SQLite cannot even open a database without room for the files beside it
        with readable(path):
            self._connection = _opened(path, durable)
        self._ballast.keep()
        watches = Watches()

        def reader() -> SqlUnitOfWork:
            return SqlUnitOfWork(connect(path, durable=durable, read_only=True), watches)

        def writer() -> SqlUnitOfWork:
            return SqlUnitOfWork(self._connection, watches, event_log_size)

        writers = Pool(writer, 1)
        writers.give(writers.take())  # the pool then closes the connection, also of a store to which nobody writes
        super().__init__(Pool(reader, READERS), writers, self._connection)
        self._watches = watches

    def reset(
        self, account: str | None = None, region: str | None = None, *, clear_files: Callable[[], None] = lambda: None
    ) -> None:
        if account is None:
            self._replace_by_nothing(clear_files)
            return
        with self.writing(frees=True) as work:
            work.sql_tasks.changed = True
            resets.run(work.connection, account, region)

    def _replace_by_nothing(self, clear_files: Callable[[], None]) -> None:
        with self.writing(frees=True):
            pass  # fails while another program holds the lock, for which the replacement would wait without end
        with storage_failures():
            self._ballast.release()
            with self.paused() as connection:
                with resets.emptied(connection) as database:
                    self._swap(database)
                clear_files()
                for listener in self._at_commit:
                    listener([])
            self._ballast.keep()

    @contextmanager
    def paused(self) -> Iterator[WatchedConnection]:
        """See ``Units.paused``; the connection is outside a transaction."""
        with self._only("writing"):
            work = self._writer.take()
            try:
                yield self._connection
            finally:
                self._writer.give(work)

    def copy(self, connection: StoreConnection, database: Connection) -> None:
        self._connection.backup(database)

    def replace(self, connection: StoreConnection, database: Connection) -> None:
        newest = self._connection.newest_key(events.name)
        self._swap(database)
        self._connection.keep_newest_key(events.name, newest)

    def _swap(self, database: Connection) -> None:
        everything = Changes()
        everything.add(None)
        self._connection.sync_commits(True)  # files are deleted afterwards
        with self._watches.ended_by(everything):
            database.backup(self._connection)
        self._next_due = SqlTasks(self._connection).next_due()
        self._has_time_mark = times.is_marked(self._connection)

    @contextmanager
    def _room(self, frees: bool) -> Iterator[None]:
        with storage_failures():
            if frees:
                self._ballast.release()
            elif free_bytes(self._folder) < KEPT:
                raise StorageFailure("the data directory cannot be written: the disk is full")
            yield
            if frees:
                self._ballast.keep()

    def _failures(self) -> AbstractContextManager[None]:
        return read_failures()

    def _begun(self, waits: bool, synced: bool) -> SqlUnitOfWork:
        """Take the writing unit and begin its transaction.

        While another program holds the lock, other threads may take the unit: a thread that does not wait for the
        lock does not wait for a thread that does.
        """
        last_try = monotonic() + (BUSY_TIMEOUT if waits else 0)
        while True:
            work = self._begin(synced)
            if work:
                return work
            if monotonic() >= last_try:
                raise StorageFailure(LOCKED)
            sleep(RETRY)


def _opened(path: Path, durable: bool) -> WatchedConnection:
    """Return the connection that writes to a database of the newest schema."""
    connection = connect(path, durable=durable)
    try:
        migrate(connection, path)
        connection.execute("PRAGMA busy_timeout = 0")  # _begun waits, and lets other threads write meanwhile
    except BaseException:
        connection.close()
        raise
    return connection
