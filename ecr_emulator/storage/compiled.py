"""The SQL of a statement in one dialect, with the conversions of its arguments and of the cells of its rows."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable
from json import JSONDecoder
from typing import Any

from sqlalchemy import JSON, Delete, Insert, Select, Update
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

_decode = JSONDecoder().raw_decode
Clause = Select[Any] | Insert | Update | Delete
Converter = Callable[[Any], Any]


class CompiledStatement:
    """A statement in the SQL of one dialect. Values and cells are converted by the types of their columns."""

    def __init__(self, clause: Clause, dialect: DefaultDialect) -> None:
        compiled = clause.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        self.sql = str(compiled)
        self.parameters = set(compiled.binds)
        binds = compiled.binds.items()
        self._constants = {name: bind.value for name, bind in binds if not bind.required}
        self._converters = [(name, found) for name, bind in binds if (found := _bind_converter(bind.type, dialect))]
        if isinstance(clause, Select):
            self.row = _row_maker(clause, dialect)

    def arguments(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of the driver. ``values`` is changed: keyword arguments belong to nobody else."""
        if self._constants:
            values = {**self._constants, **values}
        for name, convert in self._converters:
            values[name] = convert(values[name])
        return values


def _row_maker(clause: Select[Any], dialect: DefaultDialect) -> Callable[[Iterable[Any]], Any]:
    """Return the function that makes a row, with the columns as attributes, from the cells that the driver gives."""
    columns = clause.selected_columns
    row_class: Callable[..., Any] = namedtuple  # a function, since its columns are known only now
    make: Callable[[Iterable[Any]], Any] = row_class("row", columns.keys())._make
    converters = [
        (place, convert) for place, column in enumerate(columns) if (convert := _cell_converter(column.type, dialect))
    ]
    if not converters:
        return make

    def converted(cells: Iterable[Any]) -> Any:
        values = list(cells)
        for place, convert in converters:
            values[place] = convert(values[place])
        return make(values)

    return converted


def _bind_converter(kind: TypeEngine[Any], dialect: DefaultDialect) -> Converter | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _cell_converter(kind: TypeEngine[Any], dialect: DefaultDialect) -> Converter | None:
    if isinstance(kind, JSON):
        return _read_json
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _read_json(text: str | None) -> Any:
    """Return the value of a JSON text, which has no space at its ends: SQLAlchemy or the database has written it."""
    return None if text is None else _decode(text)[0]
