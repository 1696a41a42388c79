"""The stored log of events."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from ecr_emulator.domain.events import Event
from ecr_emulator.domain.names import Registry
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import events as table

KEPT_EVENTS = 10_000
"""Number of events that are kept, the newest ones."""

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
_ADD = Statement(insert(table))
_FORGET = Statement(delete(table).where(table.c.id <= bindparam("last")))


class SqlEvents:
    """``ports.store.Events``. Keys only grow, even across a reset, so a follower never misses an event."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, event: Event) -> None:
        """See ``ports.store.Events.add``; the oldest event is deleted if there are ``KEPT_EVENTS`` already."""
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
        _FORGET.run(self._connection, last=added.lastrowid - KEPT_EVENTS)

    def after(self, key: int, limit: int) -> list[Event]:
        return [_event(row) for row in _AFTER.all(self._connection, after=key, limit=limit)]

    def latest(self, registry: Registry, detail_type: str, limit: int) -> list[Event]:
        where = {"in_account": registry.id, "in_region": registry.region, "of_type": detail_type}
        return [_event(row) for row in _LATEST.all(self._connection, **where, limit=limit)]


def _event(row: Any) -> Event:
    registry = Registry(row.account, row.region)
    return Event(registry, row.time, row.detail_type, row.detail, tuple(row.resources), row.id)
