"""The stored lifecycle policy previews, one for each repository at most."""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.domain.lifecycle_preview import LifecyclePreview
from ecr_emulator.domain.repository import Repository
from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import lifecycle_previews as table

_FIND = Statement(select(table).where(table.c.repository_id == bindparam("repository")))
_put = upsert(table)
_SAVE = Statement(_put.on_conflict_do_update(set_={name: _put.excluded[name] for name in table.c.keys()[1:]}))


class SqlLifecyclePreviews:
    """``ports.repositories.LifecyclePreviews``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, repository: Repository) -> LifecyclePreview | None:
        row = _FIND.one(self._connection, repository=repository.key)
        return None if row is None else LifecyclePreview(row.policy, row.started_at, row.status, tuple(row.results))

    def save(self, repository: Repository, preview: LifecyclePreview) -> None:
        _SAVE.run(
            self._connection,
            repository_id=repository.key,
            policy=preview.policy,
            started_at=preview.started_at,
            status=preview.status,
            results=preview.results,
        )
