"""The stored log of events."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, delete, select

from ecr_emulator.domain.events import Event
from ecr_emulator.domain.names import Registry
from ecr_emulator.storage.connections import StoreConnection
from ecr_emulator.storage.statements import Statement, new_row
from ecr_emulator.storage.tables import events as table

DEFAULT_SIZE = 10_000
"""Maximum number of events in the log; the default of the setting ``event_log_size``."""

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
_ADD = Statement(new_row(table))
_FORGET = Statement(delete(table).where(table.c.id <= bindparam("last")))


class SqlEvents:
    """``ports.store.Events`` with at most ``size`` events.

    Keys only grow, even across a reset or a restored snapshot, so a follower never misses an event.
    """

    def __init__(self, connection: StoreConnection, size: int = DEFAULT_SIZE) -> None:
        self._connection = connection
        self._size = size
        self.added: list[Event] = []
        """The events that were added since the list was last cleared, with their keys."""

    def add(self, event: Event) -> None:
        """See ``ports.store.Events.add``."""
        key = _ADD.add(
            self._connection,
            account=event.registry.id,
            region=event.registry.region,
            time=event.time,
            detail_type=event.detail_type,
            detail=event.detail,
            resources=event.resources,
        )
        kept = Event(event.registry, event.time, event.detail_type, event.detail, event.resources, key)
        self.added.append(kept)

    def forget_oldest(self) -> None:
        """Delete the events for which the log has no room, at the end of a transaction that has added events."""
        last = self.added[-1].key - self._size if self.added else 0
        if last > 0:
            _FORGET.run(self._connection, last=last)

    def after(self, key: int, limit: int) -> list[Event]:
        return [_event(row) for row in _AFTER.all(self._connection, after=key, limit=limit)]

    def before(self, registry: Registry, key: int, limit: int) -> list[Event]:
        where = {"in_account": registry.id, "in_region": registry.region, "before": key}
        return [_event(row) for row in _BEFORE.all(self._connection, **where, limit=limit)]

    def newest_key(self) -> int:
        return self._connection.newest_key(table.name)

    def latest(self, registry: Registry, detail_type: str, limit: int) -> list[Event]:
        where = {"in_account": registry.id, "in_region": registry.region, "of_type": detail_type}
        return [_event(row) for row in _LATEST.all(self._connection, **where, limit=limit)]


def _event(row: Any) -> Event:
    registry = Registry(row.account, row.region)
    return Event(registry, row.time, row.detail_type, row.detail, tuple(row.resources), row.id)
