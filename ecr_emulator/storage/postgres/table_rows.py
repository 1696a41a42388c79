"""The rows of whole tables in PostgreSQL, read and written by ``COPY``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import psycopg
from sqlalchemy import Boolean, LargeBinary, Table
from sqlalchemy import Integer as AnyInteger

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.postgres.server import failures
from ecr_emulator.storage.rows import Row, RowRefused
from ecr_emulator.storage.tables import Instant

BATCH = 10_000
"""Number of rows that are sent at a time. Their keys are kept until PostgreSQL has taken them, to name a wrong one."""
MANY = 10_000
"""Number of added rows from which on statistics of a table are made at once, and not by autovacuum a minute later.

Until then PostgreSQL would take the table for a small one, and read all of it to find one row.
"""

_WITH_TRIGGERS = """
SELECT DISTINCT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE NOT tgisinternal AND relnamespace = current_schema::regnamespace
"""
_PLACE = re.compile(r"^COPY \w+, line (\d+)(?:, column (\w+))?", re.MULTILINE)
_EXPECTED: dict[str, tuple[type[Any], str]] = {
    "int8": (int, "an integer"), "bool": (int, "true or false"), "text": (str, "text"), "bytea": (bytes, "bytes"),
}  # fmt: skip


class PostgresRows:
    """``storage.rows.Rows`` in PostgreSQL."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._added: Counter[str] = Counter()

    @contextmanager
    def read(self, table: Table) -> Iterator[Iterable[Row]]:
        sql = f"COPY {table.name} ({_columns(table)}) TO STDOUT (FORMAT BINARY)"
        with failures(), self._connection.cursor().copy(sql) as copy:
            copy.set_types(_types(table))
            yield copy.rows()

    def add(self, table: Table, rows: Iterable[Row]) -> None:
        remaining = iter(rows)
        added = BATCH
        while added == BATCH:
            with failures():
                added = self._add_batch(table, islice(remaining, BATCH))
            self._added[table.name] += added

    @contextmanager
    def filling(self) -> Iterator[None]:
        """See ``Rows.filling``; makes the statistics of large tables at the end."""
        with failures():
            tables = [name for (name,) in self._connection.execute(_WITH_TRIGGERS)]
            for name in tables:
                self._connection.execute(f"ALTER TABLE {name} DISABLE TRIGGER USER")
            yield
            for name in tables:
                self._connection.execute(f"ALTER TABLE {name} ENABLE TRIGGER USER")
            for name, added in self._added.items():
                if added >= MANY:
                    self._connection.execute(f"ANALYZE {name}")

    def _add_batch(self, table: Table, rows: Iterable[Row]) -> int:
        """Add rows, and return their number."""
        sql = f"COPY {table.name} ({_columns(table)}) FROM STDIN (FORMAT BINARY)"
        columns = list(table.c)
        places = [columns.index(column) for column in table.primary_key]
        keys: list[Row] = []
        row: Row = ()
        try:
            with self._connection.cursor().copy(sql) as copy:
                copy.set_types(_types(table))
                for row in rows:
                    keys.append(tuple([row[place] for place in places]))
                    copy.write_row(row)
        except (TypeError, ValueError) as error:
            raise RowRefused(table, keys[-1], _wrong_cell(table, row) or str(error)) from error
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            place = _PLACE.search(error.diag.context or "")
            if not place:
                reason = f"{error.diag.message_primary}: {error.diag.message_detail}"
                raise StorageFailure(f"rows of the table {table.name} cannot be copied: {reason}") from error
            raise RowRefused(table, keys[int(place[1]) - 1], _reason(error, place[2])) from error
        return len(keys)


def _columns(table: Table) -> str:
    """Return the names of the columns of a table, separated by commas."""
    return ", ".join(column.name for column in table.c)


def _types(table: Table) -> list[str]:
    """Return PostgreSQL's types of the columns. JSON is sent as it was written."""
    return [_type(column.type) for column in table.c]


def _type(kind: object) -> str:
    if isinstance(kind, Boolean):
        return "bool"
    if isinstance(kind, LargeBinary):
        return "bytea"
    return "int8" if isinstance(kind, AnyInteger | Instant) else "text"


def _wrong_cell(table: Table, row: Row) -> str | None:
    """Say which cell is not of the type of its column: SQLite stores any value in any column."""
    for column, cell in zip(table.c, row, strict=True):
        python_type, meaning = _EXPECTED[_type(column.type)]
        if cell is not None and not isinstance(cell, python_type):
            return f"its {column.name} is {cell!r:.100}, which is not {meaning}"
    return None


def _reason(error: psycopg.Error, column: str | None) -> str:
    reason = error.diag.message_primary or str(error)
    return f"its {column} is refused: {reason}" if column else reason
