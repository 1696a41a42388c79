"""Copies of all rows from one database to another, which may be of the other kind."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, insert, select

from ecr_emulator.storage.connections import Connection, StoreConnection
from ecr_emulator.storage.rows import Rows
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import events, metadata, state

IDENTITY = "identity"
"""The key of the row in ``state`` that names a database."""
BLOBS_ELSEWHERE = "blobs-elsewhere"
"""The key of the row in ``state`` of a database whose blobs are not in the data directory."""

_DELETIONS = [Statement(delete(table)) for table in reversed(metadata.sorted_tables)]
_NEWEST = {
    table.name: Statement(select(func.max(table.c.id).label("key")))
    for table in metadata.sorted_tables
    if table.autoincrement_column is not None
}
_COUNTS = {
    table.name: Statement(select(func.count().label("number")).select_from(table)) for table in metadata.sorted_tables
}
_STATE = Statement(select(state.c.value).where(state.c.key == bindparam("key")))
_REMOVE_STATE = Statement(delete(state).where(state.c.key == bindparam("at_key")))
_ADD_STATE = Statement(insert(state))


def count_rows(connection: Connection) -> dict[str, int]:
    """Return the number of rows by table."""
    return {name: count.one(connection).number for name, count in _COUNTS.items()}


def copy_rows(source: Rows, target: Rows) -> None:
    """Copy the rows of all tables into a database of the same schema that has none. Raises ``RowRefused``.

    Both must not change meanwhile: they are in a transaction, or nobody else uses them.
    """
    with target.filling():
        _add_rows(source, target)


def replace_rows(source: Rows, target: StoreConnection) -> None:
    """Replace the rows of all tables by those of another database. Raises ``RowRefused``.

    The target remains the database that belongs to its blobs, and gives no key again that a row has.
    """
    rows = target.rows()
    newest_event = target.newest_key(events.name)
    own = {key: row.value for key in (IDENTITY, BLOBS_ELSEWHERE) if (row := _STATE.one(target, key=key))}
    with rows.filling():
        for statement in _DELETIONS:
            statement.run(target)
        _add_rows(source, rows)
    for key in (IDENTITY, BLOBS_ELSEWHERE):
        _REMOVE_STATE.run(target, at_key=key)
    for key, value in own.items():
        _ADD_STATE.run(target, key=key, value=value)
    for name, newest in _NEWEST.items():
        target.keep_newest_key(name, newest.one(target).key or 0)
    target.keep_newest_key(events.name, newest_event)


def _add_rows(source: Rows, target: Rows) -> None:
    for table in metadata.sorted_tables:
        with source.read(table) as rows:
            target.add(table, rows)
