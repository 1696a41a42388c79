"""Core statements, compiled once and run on the driver's own connection.

A statement through ``Connection.execute`` costs five times what SQLite itself needs for a look-up by key, and every
registry request makes several. So SQLAlchemy writes the SQL and knows the types; the driver runs it.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from json import JSONDecoder
from sqlite3 import Connection, Cursor
from typing import Any

from sqlalchemy import JSON, Delete, Insert, Select, Update
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from ecr_emulator.storage import watches
from ecr_emulator.storage.connections import WatchedConnection

_decode = JSONDecoder().raw_decode
DIALECT = SQLiteDialect_pysqlite(paramstyle="named")
Converter = Callable[[Any], Any]


class Statement:
    """A statement with named parameters. Values and cells are converted by the types of their columns."""

    def __init__(self, clause: Select[Any] | Insert | Update | Delete, *, changes_answers: bool = True) -> None:
        """``changes_answers=False`` says of a change that no answer to a pull depends on it (``storage.watches``)."""
        self._clause = clause
        self._is_watched = changes_answers and not isinstance(clause, Select) and watches.changes_answers(clause)

    def one(self, connection: Connection, **values: Any) -> Any:
        """Return the first row, with the columns as attributes; None if there is none."""
        cells = connection.execute(self._sql, self._arguments(values)).fetchone()
        return None if cells is None else self._row(cells)

    def all(self, connection: Connection, **values: Any) -> list[Any]:
        """Return all rows, with the columns as attributes."""
        return [self._row(cells) for cells in connection.execute(self._sql, self._arguments(values))]

    def run(self, connection: Connection, **values: Any) -> Cursor:
        """Run a statement that changes rows."""
        cursor = connection.execute(self._sql, self._arguments(values))
        if cursor.rowcount:
            self._note_change(connection, values)
        return cursor

    def run_for_each(self, connection: Connection, values: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement that changes rows, once for each set of values."""
        rows = [self._arguments(dict(each)) for each in values]
        connection.executemany(self._sql, rows)
        for each in rows:
            self._note_change(connection, each)

    def _note_change(self, connection: Connection, values: Mapping[str, Any]) -> None:
        if self._is_watched and isinstance(connection, WatchedConnection):
            connection.changes.add(values[self._repository] if self._repository else None)

    @cached_property
    def _repository(self) -> str | None:
        assert not isinstance(self._clause, Select)
        return watches.repository_parameter(self._clause, set(self._compiled.binds))

    @cached_property
    def _compiled(self) -> SQLCompiler:
        compiled = self._clause.compile(dialect=DIALECT)
        assert isinstance(compiled, SQLCompiler)
        return compiled

    @cached_property
    def _sql(self) -> str:
        return str(self._compiled)

    @cached_property
    def _converters(self) -> list[tuple[str, Converter]]:
        binds = self._compiled.binds.items()
        return [(name, convert) for name, bind in binds if (convert := _bind_converter(bind.type))]

    @cached_property
    def _constants(self) -> dict[str, Any]:
        return {name: bind.value for name, bind in self._compiled.binds.items() if not bind.required}

    def _arguments(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of the driver. ``values`` is changed: keyword arguments belong to nobody else."""
        if self._constants:
            values = {**self._constants, **values}
        for name, convert in self._converters:
            values[name] = convert(values[name])
        return values

    @cached_property
    def _row(self) -> Callable[[Iterable[Any]], Any]:
        assert isinstance(self._clause, Select)
        columns = self._clause.selected_columns
        row_class: Callable[..., Any] = namedtuple  # a function, since its columns are known only now
        make: Callable[[Iterable[Any]], Any] = row_class("row", columns.keys())._make
        converters = [
            (place, convert) for place, column in enumerate(columns) if (convert := _cell_converter(column.type))
        ]
        if not converters:
            return make

        def converted(cells: Iterable[Any]) -> Any:
            values = list(cells)
            for place, convert in converters:
                values[place] = convert(values[place])
            return make(values)

        return converted


def _bind_converter(kind: TypeEngine[Any]) -> Converter | None:
    return kind.dialect_impl(DIALECT).bind_processor(DIALECT)


def _cell_converter(kind: TypeEngine[Any]) -> Converter | None:
    if isinstance(kind, JSON):
        return _read_json
    return kind.dialect_impl(DIALECT).result_processor(DIALECT, None)


def _read_json(text: str | None) -> Any:
    """Return the value of a JSON text, which has no space at its ends: SQLAlchemy or SQLite has written it."""
    return None if text is None else _decode(text)[0]
