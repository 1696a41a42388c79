"""The latest time known to the database: from ``store``, and from the dates of the stored rows."""

from __future__ import annotations

from datetime import datetime
from sqlite3 import Connection

from sqlalchemy import bindparam, func, select, type_coerce, union_all
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import Instant, lifecycle_matches, metadata, state, tasks

KEY = "time"

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


def latest(connection: Connection) -> datetime | None:
    """Return the latest known instant; None in an empty database."""
    stored = _STORED.one(connection, key=KEY)
    known = [datetime.fromisoformat(stored.value.decode()) if stored else None, _LATEST.one(connection).at]
    return max((each for each in known if each), default=None)


def store(connection: Connection, now: datetime) -> None:
    """Store the current time."""
    _STORE.run(connection, key=KEY, value=now.isoformat().encode())
