"""Copies of all rows from one database to another, which may be of the other kind."""

from __future__ import annotations

from sqlalchemy import Table, bindparam, delete, func, insert, select, tuple_

from ecr_emulator.storage.connections import Connection, StoreConnection
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import events, metadata, repositories, state

IDENTITY = "identity"
"""The key of the row in ``state`` that names a database."""
BLOBS_ELSEWHERE = "blobs-elsewhere"
"""The key of the row in ``state`` of a database whose blobs are not in the data directory."""
ROWS = 100
"""Rows that are read at a time. A manifest has at most 4 MiB, and few have more than some KiB."""


class _TableCopy:
    """The statements that copy one table, page by page in the order of its primary key."""

    def __init__(self, table: Table) -> None:
        self._key = [column.key for column in table.primary_key]
        columns = list(table.primary_key)
        page = select(table).order_by(*columns).limit(ROWS)
        after = tuple_(*columns) > tuple_(*(bindparam(f"after_{each.key}", type_=each.type) for each in columns))
        self._first, self._next = Statement(page), Statement(page.where(after))
        self._add = Statement(insert(table))
        self._zero = {"layer_bytes": 0} if table is repositories else {}  # triggers count while layers are copied

    def run(self, source: Connection, target: Connection) -> None:
        """Copy all rows."""
        rows = self._first.all(source)
        while rows:
            self._add.run_for_each(target, [row._asdict() | self._zero for row in rows])
            last = rows[-1]
            rows = self._next.all(source, **{f"after_{name}": getattr(last, name) for name in self._key})


_COPIES = [_TableCopy(table) for table in metadata.sorted_tables]
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


def copy_rows(source: Connection, target: Connection) -> None:
    """Copy the rows of all tables into a database of the same schema that has none.

    Both must not change meanwhile: they are in a transaction, or nobody else uses them.
    """
    for table in _COPIES:
        table.run(source, target)


def replace_rows(source: Connection, target: StoreConnection) -> None:
    """Replace the rows of all tables by those of another database.

    The target remains the database that belongs to its blobs, and gives no key again that a row has.
    """
    newest_event = target.newest_key(events.name)
    own = {key: row.value for key in (IDENTITY, BLOBS_ELSEWHERE) if (row := _STATE.one(target, key=key))}
    for statement in _DELETIONS:
        statement.run(target)
    copy_rows(source, target)
    for key in (IDENTITY, BLOBS_ELSEWHERE):
        _REMOVE_STATE.run(target, at_key=key)
    for key, value in own.items():
        _ADD_STATE.run(target, key=key, value=value)
    for name, newest in _NEWEST.items():
        target.keep_newest_key(name, newest.one(target).key or 0)
    target.keep_newest_key(events.name, newest_event)
