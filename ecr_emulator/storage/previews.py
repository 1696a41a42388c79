"""The stored lifecycle policy previews, one for each repository at most."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.domain.lifecycle_preview import COMPLETE, LifecyclePreview
from ecr_emulator.domain.repository import Repository
from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import lifecycle_preview_results as results
from ecr_emulator.storage.tables import lifecycle_previews as table

_of_repository = results.c.repository_id == bindparam("repository_id")
_RESULTS = Statement(select(results.c.result).where(_of_repository).order_by(results.c.position))
_COUNT = Statement(select(func.coalesce(func.max(results.c.position) + 1, 0).label("number")).where(_of_repository))
_ADD_RESULT = Statement(insert(results))
_some = select(results.c.position).where(_of_repository).limit(bindparam("limit"))
_REMOVE_RESULTS = Statement(delete(results).where(_of_repository, results.c.position.in_(_some)))
_FIND = Statement(select(table).where(table.c.repository_id == bindparam("repository")))
_put = upsert(table)
_SAVE = Statement(_put.on_conflict_do_update(set_={name: _put.excluded[name] for name in table.c.keys()[1:]}))


class SqlLifecyclePreviews:
    """``ports.repositories.LifecyclePreviews``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, repository: Repository) -> LifecyclePreview | None:
        row = _FIND.one(self._connection, repository=repository.key)
        if row is None:
            return None
        found = _RESULTS.all(self._connection, repository_id=repository.key) if row.status == COMPLETE else ()
        return LifecyclePreview(row.policy, row.started_at, row.status, tuple(each.result for each in found))

    def save(self, repository: Repository, preview: LifecyclePreview) -> None:
        _SAVE.run(
            self._connection,
            repository_id=repository.key,
            policy=preview.policy,
            started_at=preview.started_at,
            status=preview.status,
        )

    def add_results(self, repository: Repository, found: Iterable[dict[str, Any]]) -> None:
        first = _COUNT.one(self._connection, repository_id=repository.key).number
        rows = (
            {"repository_id": repository.key, "position": position, "result": each}
            for position, each in enumerate(found, start=first)
        )
        _ADD_RESULT.run_for_each(self._connection, rows)

    def remove_results(self, repository: Repository, limit: int) -> int:
        return _REMOVE_RESULTS.run(self._connection, repository_id=repository.key, limit=limit).rowcount
