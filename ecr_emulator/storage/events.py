"""The stored log of events."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Any

from sqlalchemy import bindparam, insert, select

from ecr_emulator.domain.events import Event
from ecr_emulator.domain.names import Registry
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import events as table

_AFTER = Statement(select(table).where(table.c.id > bindparam("after")).order_by(table.c.id).limit(bindparam("limit")))
_ADD = Statement(insert(table))


class SqlEvents:
    """``ports.Events``. Keys only grow, also across a reset, so a follower never misses an event."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, event: Event) -> None:
        """Append."""
        _ADD.run(
            self._connection,
            id=None,
            account=event.registry.id,
            region=event.registry.region,
            time=event.time,
            detail_type=event.detail_type,
            detail=event.detail,
            resources=event.resources,
        )

    def after(self, key: int, limit: int) -> list[Event]:
        """At most ``limit`` events that came after the one with this key, oldest first."""
        return [_event(row) for row in _AFTER.all(self._connection, after=key, limit=limit)]


def _event(row: Any) -> Event:
    registry = Registry(row.account, row.region)
    return Event(registry, row.time, row.detail_type, row.detail, tuple(row.resources), row.id)
