"""The matches of lifecycle evaluations that are in progress, in the order in which the policy acts on them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, delete, func, insert, select, tuple_

from ecr_emulator.domain.lifecycle import Match
from ecr_emulator.domain.repository import Repository
from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import lifecycle_matches as table

_of_repository = table.c.repository_id == bindparam("repository_id")
_of_rule = table.c.rule == bindparam("of_rule")
_ADD = Statement(insert(table))
_COUNT = Statement(select(func.count().label("number")).where(_of_repository, _of_rule))
_place = (table.c.rule, table.c.is_complete, table.c.since, table.c.digest)
_some = select(*_place).where(_of_repository).limit(bindparam("limit"))
_REMOVE = Statement(delete(table).where(_of_repository, tuple_(*_place).in_(_some)))
_FIRST = Statement(select(table).where(_of_repository, _of_rule).order_by(*_place).limit(bindparam("limit")))
_first = select(*_place).where(_of_repository, _of_rule).order_by(*_place).limit(bindparam("limit"))
_REMOVE_FIRST = Statement(delete(table).where(_of_repository, tuple_(*_place).in_(_first)))


class SqlLifecycleMatches:
    """``ports.repositories.LifecycleMatches``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, repository: Repository, matches: Iterable[Match]) -> None:
        rows = (
            {
                "repository_id": repository.key,
                "rule": match.rule,
                "is_complete": match.is_complete,
                "since": match.since,
                "digest": match.digest,
                "is_free": match.is_free,
            }
            for match in matches
        )
        _ADD.run_for_each(self._connection, rows)

    def remove(self, repository: Repository, limit: int) -> int:
        return _REMOVE.run(self._connection, repository_id=repository.key, limit=limit).rowcount

    def count(self, repository: Repository, rule: int) -> int:
        number: int = _COUNT.one(self._connection, repository_id=repository.key, of_rule=rule).number
        return number

    def first(self, repository: Repository, rule: int, limit: int) -> list[Match]:
        rows = _FIRST.all(self._connection, repository_id=repository.key, of_rule=rule, limit=limit)
        return [Match(row.rule, row.is_complete, row.since, row.digest, row.is_free) for row in rows]

    def remove_first(self, repository: Repository, rule: int, limit: int) -> int:
        return _REMOVE_FIRST.run(self._connection, repository_id=repository.key, of_rule=rule, limit=limit).rowcount
