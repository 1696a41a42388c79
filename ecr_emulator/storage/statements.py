"""Core statements, compiled once for each dialect and run on the driver's own connection.

A statement through SQLAlchemy's ``Connection.execute`` costs five times what SQLite itself needs for a look-up by key,
and every registry request makes several. So SQLAlchemy writes the SQL and knows the types; the driver runs it.
Statements are written once, with SQLite's functions; ``storage.postgres.dialect`` has PostgreSQL's words for them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from sqlalchemy import Insert, Select, Table, bindparam, insert
from sqlalchemy.engine.default import DefaultDialect

from ecr_emulator.storage import watches
from ecr_emulator.storage.compiled import Clause, CompiledStatement
from ecr_emulator.storage.connections import SQLITE, Connection, ConstraintViolation, Cursor
from ecr_emulator.storage.watches import Effect


def new_row(table: Table) -> Insert:
    """Return the insertion of a row whose key, the column ``id``, the database chooses."""
    return insert(table).values({column.key: bindparam(column.key) for column in table.c if column.key != "id"})


class Statement:
    """A statement with named parameters. Values and cells are converted by the types of their columns."""

    def __init__(self, clause: Clause, *, effect: Effect | None = None) -> None:
        """``effect`` says what a statement that writes does to remembered answers, if its table does not tell."""
        self._clause = clause
        self._effect = Effect.NONE if isinstance(clause, Select) else effect or watches.effect_of(clause)
        self._compiled: dict[DefaultDialect, CompiledStatement] = {}

    def one(self, connection: Connection, **values: Any) -> Any:
        """Return the first row, with the columns as attributes; None if there is none."""
        compiled = self._for(connection)
        cells = connection.execute(compiled.sql, compiled.arguments(values)).fetchone()
        return None if cells is None else compiled.row(cells)

    def all(self, connection: Connection, **values: Any) -> list[Any]:
        """Return all rows, with the columns as attributes."""
        compiled = self._for(connection)
        return [compiled.row(cells) for cells in connection.execute(compiled.sql, compiled.arguments(values))]

    def run(self, connection: Connection, **values: Any) -> Cursor:
        """Run a statement that changes rows. Raises ``ConstraintViolation``."""
        compiled = self._for(connection)
        try:
            cursor = connection.execute(compiled.sql, compiled.arguments(values))
        except sqlite3.IntegrityError as error:
            raise ConstraintViolation.by_sqlite(error) from error
        if cursor.rowcount:
            self._note_change(connection, values)
        return cursor

    def add(self, connection: Connection, **values: Any) -> int:
        """Run the insertion of a ``new_row`` and return its key. Raises ``ConstraintViolation``."""
        cursor = self.run(connection, **values)
        key = cursor.lastrowid if isinstance(cursor, sqlite3.Cursor) else cursor.fetchone()[0]
        assert isinstance(key, int)
        return key

    def run_for_each(self, connection: Connection, values: Iterable[Mapping[str, Any]]) -> int:
        """Run a statement that changes rows, once for each set of values; return the number of changed rows."""
        compiled = self._for(connection)
        rows = [compiled.arguments(dict(each)) for each in values]
        if not rows:
            return 0
        changed = connection.executemany(compiled.sql, rows).rowcount
        for each in rows:
            self._note_change(connection, each)
        return changed

    def _for(self, connection: Connection) -> CompiledStatement:
        dialect = getattr(connection, "dialect", SQLITE)
        found = self._compiled.get(dialect)
        if found is None:
            found = self._compiled[dialect] = CompiledStatement(self._clause, dialect)
        return found

    def _note_change(self, connection: Connection, values: Mapping[str, Any]) -> None:
        changes = getattr(connection, "changes", None)  # a snapshot's connection has none
        if changes is None or self._effect is Effect.NONE:
            return
        if self._effect is Effect.ADDITION:
            changes.has_additions = True
        else:
            changes.add(values[self._repository] if self._repository else None)

    @cached_property
    def _repository(self) -> str | None:
        assert not isinstance(self._clause, Select)
        return watches.repository_parameter(self._clause, next(iter(self._compiled.values())).parameters)
