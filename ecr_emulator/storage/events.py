"""The stored log of events."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Any

from sqlalchemy import bindparam, column, delete, insert, select
from sqlalchemy import table as plain_table

from ecr_emulator.domain.events import Event
from ecr_emulator.domain.names import Registry
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import events as table

DEFAULT_SIZE = 10_000
"""Maximum number of events in the log; the default of the setting ``event_log_size``."""

_sequence = plain_table("sqlite_sequence", column("name"), column("seq"))
_NEWEST = Statement(select(_sequence.c.seq).where(_sequence.c.name == table.name))
_FORGET_NEWEST = Statement(delete(_sequence).where(_sequence.c.name == table.name))
_STORE_NEWEST = Statement(insert(_sequence).values(name=table.name, seq=bindparam("newest")))
_AFTER = Statement(select(table).where(table.c.id > bindparam("after")).order_by(table.c.id).limit(bindparam("limit")))
_LATEST = Statement(
    select(table)
    .where(
        table.c.account == bindparam("in_account"),
        table.c.region == bindparam("in_region"),
        table.c.detail_type == bindparam("of_type"),
    )
    .order_by(table.c.id.desc())
    .limit(bindparam("limit"))
)
_BEFORE = Statement(
    select(table)
    .where(
        table.c.account == bindparam("in_account"),
        table.c.region == bindparam("in_region"),
        table.c.id < bindparam("before"),
    )
    .order_by(table.c.id.desc())
    .limit(bindparam("limit"))
)
_ADD = Statement(insert(table))
_FORGET = Statement(delete(table).where(table.c.id <= bindparam("last")))


class SqlEvents:
    """``ports.store.Events`` with at most ``size`` events.

    Keys only grow, even across a reset or a restored snapshot, so a follower never misses an event.
    """

    def __init__(self, connection: Connection, size: int = DEFAULT_SIZE) -> None:
        self._connection = connection
        self._size = size
        self.added: list[Event] = []
        """The events that were added since the list was last cleared, with their keys."""

    def add(self, event: Event) -> None:
        """See ``ports.store.Events.add``; the oldest events are deleted if the log is full."""
        added = _ADD.run(
            self._connection,
            id=None,
            account=event.registry.id,
            region=event.registry.region,
            time=event.time,
            detail_type=event.detail_type,
            detail=event.detail,
            resources=event.resources,
        )
        assert added.lastrowid is not None
        kept = Event(event.registry, event.time, event.detail_type, event.detail, event.resources, added.lastrowid)
        self.added.append(kept)
        last = added.lastrowid - self._size
        if last > 0:
            _FORGET.run(self._connection, last=last)

    def after(self, key: int, limit: int) -> list[Event]:
        return [_event(row) for row in _AFTER.all(self._connection, after=key, limit=limit)]

    def before(self, registry: Registry, key: int, limit: int) -> list[Event]:
        where = {"in_account": registry.id, "in_region": registry.region, "before": key}
        return [_event(row) for row in _BEFORE.all(self._connection, **where, limit=limit)]

    def newest_key(self) -> int:
        return newest_key(self._connection)

    def latest(self, registry: Registry, detail_type: str, limit: int) -> list[Event]:
        where = {"in_account": registry.id, "in_region": registry.region, "of_type": detail_type}
        return [_event(row) for row in _LATEST.all(self._connection, **where, limit=limit)]


def newest_key(connection: Connection) -> int:
    """Return the greatest key that an event has had; 0 if there has been none."""
    found = _NEWEST.one(connection)
    return int(found.seq) if found else 0


def never_reuse_keys(connection: Connection, newest: int) -> None:
    """Give later events greater keys than ``newest``, whatever events the database has."""
    if newest > newest_key(connection):
        _FORGET_NEWEST.run(connection)
        _STORE_NEWEST.run(connection, newest=newest)


def _event(row: Any) -> Event:
    registry = Registry(row.account, row.region)
    return Event(registry, row.time, row.detail_type, row.detail, tuple(row.resources), row.id)
