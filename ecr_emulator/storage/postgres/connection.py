"""Connections to PostgreSQL on which the statements run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.connections import BUSY_TIMEOUT, Cursor
from ecr_emulator.storage.postgres.dialect import POSTGRES
from ecr_emulator.storage.postgres.schema import READ_VERSION, TAKE_TURN, reason_against
from ecr_emulator.storage.postgres.server import failures, open_connection
from ecr_emulator.storage.postgres.table_rows import PostgresRows
from ecr_emulator.storage.rows import Rows
from ecr_emulator.storage.watches import Changes

_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_WRITE = (
    f"BEGIN; SET LOCAL lock_timeout = {int(BUSY_TIMEOUT * 1000)}; SET LOCAL synchronous_commit = {{synced}}; "
    f"{TAKE_TURN}; {READ_VERSION}"
)

_NEWEST_KEY = """
SELECT greatest((SELECT max(id) FROM {table}), (SELECT last_value FROM {table}_id_seq WHERE is_called), 0)
"""
_KEEP_KEY = "SELECT setval('{table}_id_seq', greatest(%(key)s, last_value)) FROM {table}_id_seq"
_DAMAGED_PAGES = "SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()"


class PostgresConnection:
    """``storage.connections.StoreConnection``. It connects again after the server or the network has ended it.

    ``require_ownership`` is called after that: another emulator may use the database by then.
    """

    dialect = POSTGRES

    def __init__(self, url: str, durable: bool, require_ownership: Callable[[], None]) -> None:
        self._url = url
        self._durable = durable
        self._require_ownership = require_ownership
        self._raw = open_connection(url)
        self.changes = Changes()

    @property
    def in_transaction(self) -> bool:
        return self._raw.info.transaction_status not in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN)

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None, /) -> Cursor:
        with failures():
            return self._raw.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Mapping[str, Any]], /) -> Cursor:
        with failures():
            cursor = self._raw.cursor()
            cursor.executemany(sql, parameters)
            return cursor

    def begin_reading(self) -> None:
        self._begin(_READ)

    def begin_writing(self, synced: bool) -> bool:
        """See ``StoreConnection.begin_writing``; waits for its turn, and raises ``StorageFailure`` after a while.

        It also raises ``StorageFailure`` if a newer node has migrated the database.
        """
        answers = self._begin(_WRITE.format(synced="on" if synced and self._durable else "off"))
        while answers.nextset():
            pass
        [(version,)] = answers.fetchall()
        reason = reason_against(version)
        if reason:
            self.rollback()
            raise StorageFailure(reason)
        return True

    def commit(self) -> None:
        self.execute("COMMIT")

    def rollback(self) -> None:
        self.execute("ROLLBACK")

    def newest_key(self, table: str) -> int:
        return int(self.execute(_NEWEST_KEY.format(table=table)).fetchone()[0])

    def keep_newest_key(self, table: str, key: int) -> None:
        """Give later rows of a table greater keys than ``key``."""
        if key:
            self.execute(_KEEP_KEY.format(table=table), {"key": key})

    def rows(self) -> Rows:
        return PostgresRows(self._raw)

    def integrity_errors(self) -> list[str]:
        found = self.execute(_DAMAGED_PAGES).fetchone()[0]  # NULL if the cluster has no checksums to verify
        return [f"PostgreSQL has found {found} damaged pages"] if found else []

    def close(self) -> None:
        self._raw.close()

    def _begin(self, sql: str) -> psycopg.Cursor:
        """Begin a transaction. A connection that was lost since the last one is made again."""
        if not self._raw.closed:
            try:
                return self._run(sql)
            except StorageFailure:
                if not self._raw.closed:
                    raise
        self._raw.close()
        self._require_ownership()
        self._raw = open_connection(self._url)
        return self._run(sql)

    def _run(self, sql: str) -> psycopg.Cursor:
        with failures():
            try:
                return self._raw.execute(sql)
            except BaseException:
                if self.in_transaction:
                    self._raw.execute("ROLLBACK")
                raise
