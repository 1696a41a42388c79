"""The metadata in one SQLite file: many readers, one writer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from threading import local
from time import monotonic, sleep

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.domain.events import Event
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage import event_positions, resets, times
from ecr_emulator.storage.ballast import Ballast
from ecr_emulator.storage.connections import BUSY_TIMEOUT, Pool, WatchedConnection, connect
from ecr_emulator.storage.disk import KEPT, LOCKED, free_bytes, read_failures, storage_failures
from ecr_emulator.storage.events import DEFAULT_SIZE, never_reuse_keys, newest_key
from ecr_emulator.storage.migrations import migrate, readable
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import state
from ecr_emulator.storage.tasks import SqlTasks
from ecr_emulator.storage.unit_of_work import SqlUnitOfWork
from ecr_emulator.storage.watches import Changes, Watches

READERS = 2
"""Maximum number of concurrent reading units; others wait. With only one, a long list would block all readers.

With eight, 16 clients cost twice the processor time per request: threads in SQLite compete for Python's lock.
"""
SIGNING_KEY = "signing-key"
RETRY = 0.05
"""Seconds between two attempts to take a lock that another program holds."""

_STATE = Statement(select(state.c.value).where(state.c.key == bindparam("key")))
_ADD_STATE = Statement(upsert(state).on_conflict_do_nothing())


class SqlStore:
    """``ports.store.Store`` in one SQLite file, for any number of threads of one process.

    Threads get units in their order of arrival. A thread that holds a reading unit must not open another unit, and a
    thread that holds a writing unit must not open a second writing unit: the thread might wait for itself. Both raise
    ``RuntimeError`` at once. The constructor raises ``DatabaseTooNew`` and ``DatabaseUnreadable``.
    """

    def __init__(self, path: Path, durable: bool, event_log_size: int = DEFAULT_SIZE) -> None:
        self._here = local()
        self._at_commit: list[Callable[[Sequence[Event]], None]] = []
        self._folder = os.fspath(path.parent)
        self._ballast = Ballast(path.with_suffix(".ballast"), wanted=durable)
        self._ballast.release()  # SQLite cannot even open a database without room for the files beside it
        with readable(path):
            writer = self._opened(path, durable)
        self._ballast.keep()
        self._watches = Watches()
        self._writer = Pool(partial(SqlUnitOfWork, writer, self._watches, durable, event_log_size), 1)
        self._readers = Pool(
            lambda: SqlUnitOfWork(connect(path, durable=durable, read_only=True), self._watches), READERS
        )

    def _opened(self, path: Path, durable: bool) -> WatchedConnection:
        writer = connect(path, durable=durable)
        try:
            migrate(writer, path)
            self._next_due = SqlTasks(writer).next_due()
            self._has_time_mark = times.is_marked(writer)
            writer.execute("PRAGMA busy_timeout = 0")  # _begun waits, and lets other threads write meanwhile
        except BaseException:
            writer.close()
            raise
        return writer

    @property
    def next_due(self) -> datetime | None:
        return self._next_due

    def at_commit(self, listener: Callable[[Sequence[Event]], None]) -> None:
        self._at_commit.append(listener)

    @contextmanager
    def reading(self) -> Iterator[SqlUnitOfWork]:
        """See ``ports.store.Store.reading``; the unit sees the state at the time of its first query.

        Raises ``StorageFailure`` where the database is damaged.
        """
        with self._only("reading"), read_failures():
            work = self._readers.take()
            try:
                work.begin_reading()
                with work.transaction():
                    yield work
            finally:
                self._readers.give(work)

    @contextmanager
    def writing(self, *, waits: bool = True, promised: bool = True, frees: bool = False) -> Iterator[SqlUnitOfWork]:
        with self._only("writing"), storage_failures():
            self._make_room(frees)
            work = self._begun(waits, promised)
            next_due = self._next_due
            try:
                work.sql_tasks.changed = False
                work.sql_events.added = []
                with work.transaction():
                    if self._has_time_mark:
                        times.remove_mark(work.connection)
                    yield work
                    if work.sql_tasks.changed:
                        next_due = work.sql_tasks.next_due()
                self._next_due, self._has_time_mark = next_due, False
                self._tell_of_commit(work)
            finally:
                self._writer.give(work)
            if frees:
                self._ballast.keep()

    def signing_key(self) -> bytes:
        """Return 32 random bytes, created at the first call and the same in all later calls."""
        with self.writing() as work:
            _ADD_STATE.run(work.connection, key=SIGNING_KEY, value=os.urandom(32))
            key: bytes = _STATE.one(work.connection, key=SIGNING_KEY).value
        return key

    def latest_time(self) -> datetime | None:
        """Return the latest instant in the database; None if the database is empty."""
        with self.reading() as work:
            return times.latest(work.connection)

    def find_positions(self) -> dict[str, int]:
        with self.reading() as work:
            return event_positions.find(work.connection)

    def remember_positions(self, positions: Mapping[str, int]) -> None:
        with self.writing(waits=False, frees=True) as work:
            event_positions.store(work.connection, positions)

    def remember_time(self, now: datetime) -> None:
        with self.writing(frees=True) as work:
            times.store(work.connection, now)

    def remember_end(self, now: datetime) -> None:
        """Store the time at which the process ends, so that the next one need not search for the latest date."""
        with self.writing(frees=True) as work:
            times.store_latest(work.connection, now)
        self._has_time_mark = True

    def reset(
        self, account: str | None = None, region: str | None = None, *, clear_files: Callable[[], None] = lambda: None
    ) -> None:
        """Delete everything but the signing key, or only the state of an account, in one Region or in all.

        If everything is deleted, ``clear_files`` is called before anybody can write again.
        """
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
                    self._swap(connection, database)
                clear_files()
                for listener in self._at_commit:
                    listener([])
            self._ballast.keep()

    @contextmanager
    def paused(self) -> Iterator[Connection]:
        """Let no thread write while the block runs, and yield the connection that writes, outside a transaction."""
        with self._only("writing"):
            work = self._writer.take()
            try:
                yield work.connection
            finally:
                self._writer.give(work)

    def replace(self, connection: Connection, database: Connection) -> None:
        """Replace the whole content, within ``paused``, by that of another database of the same schema, in one step.

        Later events get other keys than the events that are replaced.
        """
        newest = newest_key(connection)
        self._swap(connection, database)
        never_reuse_keys(connection, newest)

    def _swap(self, connection: Connection, database: Connection) -> None:
        everything = Changes()
        everything.add(None)
        with self._watches.ended_by(everything):
            database.backup(connection)
        self._next_due = SqlTasks(connection).next_due()
        self._has_time_mark = times.is_marked(connection)

    def close(self) -> None:
        """Close the database; open units may still finish."""
        self._readers.close()
        self._writer.close()

    @contextmanager
    def _only(self, kind: str) -> Iterator[None]:
        """Raise ``RuntimeError`` for a nested unit, which could wait for ever if many threads nested units."""
        outer = getattr(self._here, "unit", None)
        if outer in ("reading", kind):
            raise RuntimeError(f"a thread asks for a {kind} unit inside a {outer} one")
        self._here.unit = kind
        try:
            yield
        finally:
            self._here.unit = outer

    def _tell_of_commit(self, work: SqlUnitOfWork) -> None:
        if work.sql_events.added or work.sql_tasks.changed:
            for listener in self._at_commit:
                listener(work.sql_events.added)

    def _make_room(self, frees: bool) -> None:
        if frees:
            self._ballast.release()
        elif free_bytes(self._folder) < KEPT:
            raise StorageFailure("the data directory cannot be written: the disk is full")

    def _begun(self, waits: bool, promised: bool) -> SqlUnitOfWork:
        """Take the writing unit and begin its transaction.

        While another program holds the lock, other threads may take the unit: a thread that does not wait for the
        lock does not wait for a thread that does.
        """
        last_try = monotonic() + (BUSY_TIMEOUT if waits else 0)
        while True:
            work = self._writer.take()
            begun = False
            try:
                begun = work.begin_writing(synced=waits and promised)
            finally:
                if not begun:
                    self._writer.give(work)
            if begun:
                return work
            if monotonic() >= last_try:
                raise StorageFailure(LOCKED)
            sleep(RETRY)
