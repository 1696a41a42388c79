"""Units of work on any database: many that read, one that writes, and what is told after each commit."""

from __future__ import annotations

import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from threading import local

from ecr_emulator.domain.events import Event
from ecr_emulator.ports.nodes import OtherNodes
from ecr_emulator.storage import event_positions, times
from ecr_emulator.storage.connections import Pool, StoreConnection
from ecr_emulator.storage.copies import BLOBS_ELSEWHERE, IDENTITY
from ecr_emulator.storage.tasks import SqlTasks
from ecr_emulator.storage.unit_of_work import SqlUnitOfWork

SIGNING_KEY = "signing-key"


class Units(ABC):
    """The part of ``ports.store.Store`` that does not depend on the database.

    Threads get units in their order of arrival. A thread that holds a reading unit must not open another unit, and a
    thread that holds a writing unit must not open a second writing unit: the thread might wait for itself. Both raise
    ``RuntimeError`` at once.
    """

    def __init__(self, readers: Pool[SqlUnitOfWork], writer: Pool[SqlUnitOfWork], connection: StoreConnection) -> None:
        self._here = local()
        self._at_commit: list[Callable[[Sequence[Event]], None]] = []
        self._readers = readers
        self._writer = writer
        self._next_due = SqlTasks(connection).next_due()
        self._has_time_mark = times.is_marked(connection)

    @abstractmethod
    def reset(
        self, account: str | None = None, region: str | None = None, *, clear_files: Callable[[], None] = lambda: None
    ) -> None:
        """Delete everything but the signing key, or only the state of an account, in one Region or in all.

        If everything is deleted, ``clear_files`` is called before anybody can write again.
        """

    @abstractmethod
    def paused(self) -> AbstractContextManager[StoreConnection]:
        """Let no thread write while the block runs, and yield a connection that reads and writes."""

    @abstractmethod
    def copy(self, connection: StoreConnection, database: sqlite3.Connection) -> None:
        """Copy the whole content, within ``paused``, into an empty database in memory."""

    @abstractmethod
    def replace(self, connection: StoreConnection, database: sqlite3.Connection) -> None:
        """Replace the whole content, within ``paused``, by that of another database of the same schema, in one step.

        Later events get other keys than the events that are replaced.
        """

    def _begin(self, synced: bool) -> SqlUnitOfWork | None:
        """Take the writing unit and begin its transaction; None if another program holds the lock."""
        work = self._writer.take()
        begun = False
        try:
            begun = work.begin_writing(synced)
        finally:
            if not begun:
                self._writer.give(work)
        return work if begun else None

    @abstractmethod
    def _begun(self, waits: bool, synced: bool) -> SqlUnitOfWork:
        """Take the writing unit and begin its transaction. Raises ``StorageFailure``."""

    @abstractmethod
    def _room(self, frees: bool) -> AbstractContextManager[None]:
        """Provide room for what the block writes, and turn errors of writing into ``StorageFailure``."""

    @abstractmethod
    def _failures(self) -> AbstractContextManager[None]:
        """Turn errors of reading into ``StorageFailure``."""

    def _before_commit(self, work: SqlUnitOfWork) -> Callable[[], None] | None:
        """Prepare the commit; return what is done after it, or None."""
        if not work.sql_tasks.changed:
            return None
        next_due = work.sql_tasks.next_due()
        return lambda: self._set_next_due(next_due)

    def _after_rollback(self, work: SqlUnitOfWork) -> None:  # noqa: B027 - only a store that tells others needs it
        """Do what is to be done after a transaction that was rolled back."""

    def _set_next_due(self, next_due: datetime | None) -> None:
        self._next_due = next_due

    @property
    def other_nodes(self) -> OtherNodes | None:
        """The other nodes with the same database; None if this is the only one."""
        return None

    @property
    def next_due(self) -> datetime | None:
        return self._next_due

    def at_commit(self, listener: Callable[[Sequence[Event]], None]) -> None:
        self._at_commit.append(listener)

    @contextmanager
    def reading(self) -> Iterator[SqlUnitOfWork]:
        """See ``ports.store.Store.reading``; the unit sees the state at the time of its first query.

        Raises ``StorageFailure`` if the database is damaged or out of reach.
        """
        with self._only("reading"), self._failures():
            work = self._readers.take()
            try:
                work.begin_reading()
                with work.transaction():
                    yield work
            finally:
                self._readers.give(work)

    @contextmanager
    def writing(
        self, *, waits: bool = True, promised: bool | None = None, frees: bool = False
    ) -> Iterator[SqlUnitOfWork]:
        with self._only("writing"), self._room(frees):
            work = self._begun(waits, synced=waits if promised is None else promised)
            self._here.work = work
            try:
                work.sql_tasks.changed = False
                work.sql_events.added = []
                with work.transaction():
                    if self._has_time_mark:
                        times.remove_mark(work.connection)
                    yield work
                    work.sql_events.forget_oldest()
                    after_commit = self._before_commit(work)
                if after_commit:
                    after_commit()
                self._has_time_mark = False
                self._tell_of_commit(work)
            except BaseException:
                self._after_rollback(work)
                raise
            finally:
                self._here.work = None
                self._writer.give(work)

    @property
    def current(self) -> SqlUnitOfWork | None:
        """The writing unit that this thread has open."""
        return getattr(self._here, "work", None)

    @contextmanager
    def joining(self) -> Iterator[SqlUnitOfWork]:
        """See ``ports.store.Store.joining``."""
        if self.current:
            yield self.current
            return
        with self.writing() as work:
            yield work

    def signing_key(self) -> bytes:
        """Return 32 random bytes, created at the first call and the same in all later calls."""
        return self._kept(SIGNING_KEY, lambda: os.urandom(32))

    def identity(self) -> str:
        """Return 32 random hex digits that name this database, the same in all calls."""
        return self._kept(IDENTITY, lambda: os.urandom(16).hex().encode()).decode()

    def has_identity(self) -> bool:
        """Return whether ``identity`` has been called for this database."""
        with self.reading() as work:
            return work.has_kept(IDENTITY)

    def has_blobs_elsewhere(self) -> bool:
        """Return whether the blobs of this database are known not to be in the data directory."""
        with self.reading() as work:
            return work.has_kept(BLOBS_ELSEWHERE)

    def remember_blobs_elsewhere(self) -> None:
        """Remember that the blobs of this database are not in the data directory."""
        self._kept(BLOBS_ELSEWHERE, bytes)

    def forget_blobs_elsewhere(self) -> None:
        """Forget that the blobs of this database are not in the data directory."""
        with self.writing() as work:
            work.forget_kept(BLOBS_ELSEWHERE)

    def latest_time(self) -> datetime | None:
        """Return the latest instant in the database; None if the database is empty."""
        with self.reading() as work:
            return times.latest(work.connection)

    def find_positions(self) -> dict[str, int]:
        with self.reading() as work:
            return event_positions.find(work.connection)

    def change_positions(self, change: Callable[[Mapping[str, int]], Mapping[str, int]]) -> None:
        with self.writing(waits=False, frees=True) as work:
            event_positions.store(work.connection, change(event_positions.find(work.connection)))

    def remember_time(self, now: datetime) -> None:
        with self.writing(frees=True) as work:
            times.store(work.connection, now)

    def remember_end(self, now: datetime) -> None:
        """Store the time at which the process ends, so that the next one need not search for the latest date."""
        with self.writing(frees=True) as work:
            times.store_latest(work.connection, now)
        self._has_time_mark = True

    def close(self) -> None:
        """Close the database; open units may still finish."""
        self._readers.close()
        self._writer.close()

    def _kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        with self.writing() as work:
            return work.kept(name, make)

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
