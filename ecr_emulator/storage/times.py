"""The latest time known to the database: from ``store``, and from the dates of the stored rows.

A search of all rows takes half a second or more for a million images. So a process that ends stores what the search
finds, with a mark; the first write of the next process removes the mark.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, func, select, type_coerce, union_all
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import Instant, lifecycle_matches, metadata, state, tasks

KEY = "time"
MARK = "time-is-latest"

_dates = {
    table: [column for column in table.columns if isinstance(column.type, Instant)]
    for table in metadata.sorted_tables
    if table not in (tasks, lifecycle_matches)  # tasks are dated in the future; matches repeat the dates of images
}
# One scan of each table: SQLite would scan it once for each separate query.
_known = union_all(
    *(
        select(func.max(0, *(func.coalesce(func.max(column), 0) for column in columns)).label("at"))
        for columns in _dates.values()
        if columns
    )
).subquery()
_LATEST = Statement(select(type_coerce(func.nullif(func.max(_known.c.at), 0), Instant).label("at")))
_STORED = Statement(select(state.c.value).where(state.c.key == bindparam("key")))
_store = upsert(state)
_STORE = Statement(_store.on_conflict_do_update(set_={"value": _store.excluded.value}))
_REMOVE = Statement(delete(state).where(state.c.key == bindparam("at_key")))


def latest(connection: Connection) -> datetime | None:
    """Return the latest known instant; None in an empty database."""
    stored = _STORED.one(connection, key=KEY)
    known = [datetime.fromisoformat(stored.value.decode()) if stored else None]
    if not is_marked(connection):
        known.append(_LATEST.one(connection).at)
    return max((each for each in known if each), default=None)


def store(connection: Connection, now: datetime) -> None:
    """Store the current time."""
    _STORE.run(connection, key=KEY, value=now.isoformat().encode())


def is_marked(connection: Connection) -> bool:
    """Return whether the stored time is the latest instant, so that no row needs to be read."""
    return _STORED.one(connection, key=MARK) is not None


def store_latest(connection: Connection, now: datetime) -> None:
    """Store the current time, or the latest date if that is in the future, and mark it as the latest instant."""
    known = latest(connection)
    store(connection, max(now, known) if known else now)
    _STORE.run(connection, key=MARK, value=b"")


def remove_mark(connection: Connection) -> None:
    """Remove the mark: later dates may follow."""
    _REMOVE.run(connection, at_key=MARK)
