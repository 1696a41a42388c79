"""The rows of whole tables, for copies from one database to another."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from sqlalchemy import Table, insert, select
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from ecr_emulator.ports.storage_failures import StorageFailure

_SQLITE = SQLiteDialect_pysqlite(paramstyle="qmark")
Row = tuple[Any, ...]
"""The cells of a row in the order of the columns: JSON as text, instants as milliseconds."""


class RowRefused(StorageFailure):
    """A row cannot be copied. The reason names it."""

    def __init__(self, table: Table, key: Row, reason: str) -> None:
        cells = zip(table.primary_key, key, strict=True)
        name = ", ".join(f"{column.name} {cell!r}" for column, cell in cells)
        super().__init__(f"the row of the table {table.name} with {name} cannot be copied: {reason}")


class Rows(Protocol):
    """The rows of a database, within a transaction."""

    def read(self, table: Table) -> AbstractContextManager[Iterable[Row]]:
        """Yield the rows of a table one after another, in any order. The iteration raises ``RowRefused``."""

    def add(self, table: Table, rows: Iterable[Row]) -> None:
        """Add rows. Raises ``RowRefused``."""

    def filling(self) -> AbstractContextManager[None]:
        """Let the block delete and add many rows without triggers, which must have left their traces in the rows."""


class SqliteRows:
    """``Rows`` in SQLite."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @contextmanager
    def read(self, table: Table) -> Iterator[Iterable[Row]]:
        yield self._rows(table)

    def add(self, table: Table, rows: Iterable[Row]) -> None:
        self._connection.executemany(str(insert(table).compile(dialect=_SQLITE)), rows)

    @contextmanager
    def filling(self) -> Iterator[None]:
        """See ``Rows.filling``; makes the indexes at the end, which is faster than to change them with each row."""
        found = "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
        parts = self._connection.execute(found).fetchall()
        for kind, name, _ in parts:
            self._connection.execute(f"DROP {kind} {name}")
        yield
        for _, _, sql in parts:
            self._connection.execute(sql)

    def _rows(self, table: Table) -> Iterator[Row]:
        sql = str(select(table).compile(dialect=_SQLITE))
        try:
            yield from self._connection.execute(sql)
        except sqlite3.OperationalError:
            self._refuse_undecodable(table, sql)
            raise

    def _refuse_undecodable(self, table: Table, sql: str) -> None:
        """Raise ``RowRefused`` for a row with a text that is not in UTF-8, if there is one."""
        usual = self._connection.text_factory
        self._connection.text_factory = lambda text: text.decode(errors="surrogateescape")
        try:
            for row in self._connection.execute(sql):
                if any(isinstance(cell, str) and not _is_unicode(cell) for cell in row):
                    raise RowRefused(table, key_of(table, row), "a text is not in UTF-8")
        finally:
            self._connection.text_factory = usual


def key_of(table: Table, row: Row) -> Row:
    """Return the cells of a row's primary key."""
    return tuple(cell for column, cell in zip(table.c, row, strict=True) if column.primary_key)


def _is_unicode(text: str) -> bool:
    """Whether a text has no lone surrogates, which stand for bytes that are not in UTF-8."""
    return not any("\ud800" <= each <= "\udfff" for each in text)
