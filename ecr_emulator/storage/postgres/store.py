"""The metadata in a PostgreSQL database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from ecr_emulator.ports.nodes import ANOTHER_STATE
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage import resets
from ecr_emulator.storage.connections import Pool, StoreConnection
from ecr_emulator.storage.copies import copy_rows, replace_rows
from ecr_emulator.storage.disk import LOCKED
from ecr_emulator.storage.events import DEFAULT_SIZE
from ecr_emulator.storage.migrations import copy_empty_database
from ecr_emulator.storage.postgres.connection import PostgresConnection
from ecr_emulator.storage.postgres.ownership import DatabaseOwnership
from ecr_emulator.storage.postgres.schema import migrate
from ecr_emulator.storage.postgres.server import failures, open_connection
from ecr_emulator.storage.rows import SqliteRows
from ecr_emulator.storage.tables import events
from ecr_emulator.storage.unit_of_work import SqlUnitOfWork
from ecr_emulator.storage.units import Units
from ecr_emulator.storage.watches import Watches

READERS = 8
"""Maximum number of concurrent reading units. A reader waits for the server without Python's lock."""


class PostgresStore(Units):
    """``ports.store.Store`` in a PostgreSQL database. ``url`` is a URI or a connection string of libpq.

    The constructor makes the schema in an empty database. It raises ``DatabaseTooNew`` and ``StorageFailure``, of which
    ``DatabaseInUse`` is one.
    """

    def __init__(self, url: str, durable: bool, event_log_size: int = DEFAULT_SIZE) -> None:
        self._ownership = DatabaseOwnership(url, shared=self.is_shared)
        try:
            with failures(), open_connection(url) as connection:
                migrate(connection)
            self._watches = watches = Watches()

            def unit() -> SqlUnitOfWork:
                connection = PostgresConnection(url, durable, self._ownership.require)
                return SqlUnitOfWork(connection, watches, event_log_size)

            writer = Pool(unit, 1)
            work = writer.take()
            writer.give(work)
            super().__init__(Pool(unit, READERS), writer, work.connection)
        except BaseException:
            self._ownership.close()
            raise

    is_shared = False
    """Whether other nodes may use the database as well."""

    def close(self) -> None:
        super().close()
        self._ownership.close()

    def reset(
        self, account: str | None = None, region: str | None = None, *, clear_files: Callable[[], None] = lambda: None
    ) -> None:
        with self.writing(frees=True) as work:
            work.sql_tasks.changed = True
            work.connection.keep_newest_key(events.name, work.events.newest_key())
            if account is None:
                work.connection.changes.topics.add(ANOTHER_STATE)
                resets.empty(work.connection)
            else:
                resets.run(work.connection, account, region)
        if account is None:
            self._clear(clear_files)

    def _clear(self, clear_files: Callable[[], None]) -> None:
        """Clear the files after the commit, since a process may be killed before it.

        If somebody has pushed since, the files are left to the garbage collection.
        """
        with self.writing(frees=True) as work:
            if not resets.has_blobs(work.connection):
                clear_files()

    @contextmanager
    def paused(self) -> Iterator[StoreConnection]:
        """See ``Units.paused``; the block is a transaction."""
        with self.writing(frees=True) as work:
            work.sql_tasks.changed = True
            yield work.connection

    def copy(self, connection: StoreConnection, database: sqlite3.Connection) -> None:
        copy_empty_database(database)
        copy_rows(connection.rows(), SqliteRows(database))

    def replace(self, connection: StoreConnection, database: sqlite3.Connection) -> None:
        connection.changes.add(None)
        connection.changes.topics.add(ANOTHER_STATE)
        replace_rows(SqliteRows(database), connection)

    def _begun(self, waits: bool, synced: bool) -> SqlUnitOfWork:
        work = self._begin(synced)
        if work is None:
            raise StorageFailure(LOCKED)
        return work

    def _room(self, frees: bool) -> AbstractContextManager[None]:
        return failures()

    def _failures(self) -> AbstractContextManager[None]:
        return failures()
