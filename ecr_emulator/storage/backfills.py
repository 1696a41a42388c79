"""The stored replication backfills."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.domain.backfill import Backfill
from ecr_emulator.domain.names import Registry
from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import replication_backfills as table

_of_registry = (table.c.account == bindparam("in_account"), table.c.region == bindparam("in_region"))
_FIND = Statement(select(table).where(*_of_registry, table.c.id == bindparam("at_id")))
_ALL = Statement(select(table).where(*_of_registry).order_by(table.c.started_at.desc(), table.c.id))
_put = upsert(table)
_SAVE = Statement(
    _put.on_conflict_do_update(
        set_={name: _put.excluded[name] for name in ("status", "failure_code", "ended_at", "results")}
    )
)


class SqlBackfills:
    """``ports.registries.Backfills``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, registry: Registry, backfill_id: str) -> Backfill | None:
        row = _FIND.one(self._connection, **_place(registry), at_id=backfill_id)
        return None if row is None else _backfill(registry, row)

    def all(self, registry: Registry) -> list[Backfill]:
        return [_backfill(registry, row) for row in _ALL.all(self._connection, **_place(registry))]

    def save(self, backfill: Backfill) -> None:
        _SAVE.run(
            self._connection,
            id=backfill.id,
            account=backfill.registry.id,
            region=backfill.registry.region,
            destination_account=backfill.destination.id,
            destination_region=backfill.destination.region,
            status=backfill.status,
            failure_code=backfill.failure_code,
            started_at=backfill.started_at,
            ended_at=backfill.ended_at,
            results=backfill.replications,
        )


def _place(registry: Registry) -> dict[str, str]:
    return {"in_account": registry.id, "in_region": registry.region}


def _backfill(registry: Registry, row: Any) -> Backfill:
    return Backfill(
        id=row.id,
        registry=registry,
        destination=Registry(row.destination_account, row.destination_region),
        status=row.status,
        started_at=row.started_at,
        failure_code=row.failure_code,
        ended_at=row.ended_at,
        replications=tuple(row.results),
    )
