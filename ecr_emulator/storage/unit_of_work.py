"""Transactions on the database: many that read, one that writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from threading import local

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator import ports
from ecr_emulator.storage.backfills import SqlBackfills
from ecr_emulator.storage.connections import Pool, connect
from ecr_emulator.storage.disk import storage_failures
from ecr_emulator.storage.documents import SqlImageDocuments, SqlRegistryDocuments
from ecr_emulator.storage.events import SqlEvents
from ecr_emulator.storage.images import SqlImages
from ecr_emulator.storage.layers import SqlLayers
from ecr_emulator.storage.migrations import migrate, readable
from ecr_emulator.storage.previews import SqlLifecyclePreviews
from ecr_emulator.storage.referrer_listings import SqlReferrerListings
from ecr_emulator.storage.repositories import SqlRepositories
from ecr_emulator.storage.roles import SqlServiceLinkedRoles
from ecr_emulator.storage.rules import SqlPullThroughRules
from ecr_emulator.storage.scans import SqlKnownFindings, SqlScans
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import metadata, state
from ecr_emulator.storage.tags import SqlTags
from ecr_emulator.storage.tasks import SqlTasks
from ecr_emulator.storage.templates import SqlCreationTemplates
from ecr_emulator.storage.uploads import SqlUploads

READERS = 2
"""So many units read at the same moment; more wait their turn.

More threads inside SQLite do not read faster, they fight for Python's lock: with eight, 16 clients cost twice the
processor time for every request. One alone would let a long list hold up everybody.
"""
SIGNING_KEY = "signing-key"

_STATE = Statement(select(state.c.value).where(state.c.key == bindparam("key")))
_EMPTY = [Statement(delete(table)) for table in reversed(metadata.sorted_tables) if table is not state]
_ADD_STATE = Statement(upsert(state).on_conflict_do_nothing())


class SqlUnitOfWork:
    """``ports.UnitOfWork`` on one connection, used for one transaction after another."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.repositories: ports.Repositories = SqlRepositories(connection)
        self.images: ports.Images = SqlImages(connection)
        self.tags: ports.Tags = SqlTags(connection)
        self.referrer_listings: ports.ReferrerListings = SqlReferrerListings(connection)
        self.layers: ports.Layers = SqlLayers(connection)
        self.uploads: ports.Uploads = SqlUploads(connection)
        self.rules: ports.PullThroughRules = SqlPullThroughRules(connection)
        self.templates: ports.CreationTemplates = SqlCreationTemplates(connection)
        self.events: ports.Events = SqlEvents(connection)
        self.service_linked_roles: ports.ServiceLinkedRoles = SqlServiceLinkedRoles(connection)
        self.registry_documents: ports.RegistryDocuments = SqlRegistryDocuments(connection)
        self.image_documents: ports.ImageDocuments = SqlImageDocuments(connection)
        self.scans: ports.Scans = SqlScans(connection)
        self.known_findings: ports.KnownFindings = SqlKnownFindings(connection)
        self.backfills: ports.Backfills = SqlBackfills(connection)
        self.lifecycle_previews: ports.LifecyclePreviews = SqlLifecyclePreviews(connection)
        self.sql_tasks = SqlTasks(connection)
        self.tasks: ports.Tasks = self.sql_tasks

    @contextmanager
    def transaction(self, begin: str) -> Iterator[Connection]:
        """Commit at the end of the block; roll back if it raises."""
        self._connection.execute(begin)
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class SqlStore:
    """``ports.Store`` in one SQLite file, for any number of threads of one process.

    Every thread gets its turn in order of arrival. Who has a reading unit must not ask for another one, of either kind,
    and who has a writing one for no second of these: it might wait for itself. It is a ``RuntimeError`` at once.
    Raises ``DatabaseTooNew`` and ``DatabaseUnreadable``.
    """

    def __init__(self, path: Path, durable: bool) -> None:
        self._here = local()
        with readable(path):
            writer = self._opened(path, durable)
        self._writer = Pool(partial(SqlUnitOfWork, writer), 1)
        self._readers = Pool(lambda: SqlUnitOfWork(connect(path, durable=durable, read_only=True)), READERS)

    def _opened(self, path: Path, durable: bool) -> Connection:
        writer = connect(path, durable=durable)
        try:
            migrate(writer, path)
            self._next_due = SqlTasks(writer).next_due()
        except BaseException:
            writer.close()
            raise
        return writer

    @property
    def next_due(self) -> datetime | None:
        """When the first task is due, as of the last commit; None if there is none. Costs nothing."""
        return self._next_due

    @contextmanager
    def reading(self) -> Iterator[ports.UnitOfWork]:
        """A unit that only reads: it sees the state as of its first question, and never waits for a writer."""
        with self._only("reading"):
            work = self._readers.take()
            try:
                with work.transaction("BEGIN"):
                    yield work
            finally:
                self._readers.give(work)

    @contextmanager
    def writing(self) -> Iterator[ports.UnitOfWork]:
        """A unit that may write; one at a time. Raises ``StorageFailure``."""
        with self._writing() as (work, _):
            yield work

    def signing_key(self) -> bytes:
        """32 random bytes, made when first asked for and the same ever after."""
        with self._writing() as (_, connection):
            _ADD_STATE.run(connection, key=SIGNING_KEY, value=os.urandom(32))
            key: bytes = _STATE.one(connection, key=SIGNING_KEY).value
        return key

    def reset(self) -> None:
        """Forget everything but the signing key."""
        with self._writing() as (_, connection):
            for empty in _EMPTY:
                empty.run(connection)
            self._next_due = None

    def close(self) -> None:
        """Close the database; units under way may still end."""
        self._readers.close()
        self._writer.close()

    @contextmanager
    def _only(self, kind: str) -> Iterator[None]:
        """What would wait for ever when enough threads do it at the same time fails at once instead."""
        outer = getattr(self._here, "unit", None)
        if outer in ("reading", kind):
            raise RuntimeError(f"a thread asks for a {kind} unit inside a {outer} one")
        self._here.unit = kind
        try:
            yield
        finally:
            self._here.unit = outer

    @contextmanager
    def _writing(self) -> Iterator[tuple[SqlUnitOfWork, Connection]]:
        with self._only("writing"):
            work = self._writer.take()
            next_due = self._next_due
            try:
                work.sql_tasks.changed = False
                with storage_failures(), work.transaction("BEGIN IMMEDIATE") as connection:
                    yield work, connection
                    if work.sql_tasks.changed:
                        next_due = work.sql_tasks.next_due()
                self._next_due = next_due
            finally:
                self._writer.give(work)
