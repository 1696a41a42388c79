"""The stored tasks."""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, and_, bindparam, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.task import Scope, Task, TaskPlace
from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import tasks as table

PLACE = ("account", "region", "repository", "to_account", "to_region")
"""The arguments that are columns too, so that the tasks of a place are found."""
_add = upsert(table)
_ADD = Statement(
    _add.on_conflict_do_update(set_={name: _add.excluded[name] for name in ("kind", "due_at", "arguments", *PLACE)})
)
_REMOVE = Statement(delete(table).where(table.c.key == bindparam("at_key")))
_FIND = Statement(select(table).where(table.c.key == bindparam("at_key")))
_HASTEN = Statement(update(table).where(table.c.kind == bindparam("of_kind")).values(due_at=bindparam("now")))
_due = select(table).where(table.c.due_at <= bindparam("now")).order_by(table.c.due_at, table.c.key).limit(1)
_DUE = Statement(_due)
_given = func.json_each(bindparam("registries", type_=JSON)).table_valued("value")
_left_out = func.json_each(bindparam("left_out", type_=JSON)).table_valued("value")
_is_left_in = table.c.kind.not_in(select(_left_out.c.value))
_in_registry = or_(
    (table.c.account + "/" + table.c.region).in_(select(_given.c.value)),
    and_(table.c.to_account == bindparam("of_account"), table.c.to_region == bindparam("of_region")),
)
_DUE_OF_OTHERS = Statement(_due.where(_is_left_in))
_due_in = (
    select(table)
    .where(table.c.due_at <= bindparam("now"), _in_registry, _is_left_in)
    .order_by(table.c.due_at, table.c.key)
    .limit(1)
)
_DUE_IN_REGISTRY = Statement(_due_in)
_DUE_IN_REPOSITORY = Statement(
    _due_in.where(or_(table.c.repository == bindparam("of_repository"), table.c.repository.is_(None)))
)
_COUNT = Statement(select(func.count().label("number")).select_from(table))
_NEXT = Statement(select(func.min(table.c.due_at).label("due_at")))
_in_order = select(table).order_by(table.c.due_at, table.c.key).limit(bindparam("limit"))
_FIRST = Statement(_in_order)
_place = tuple_(bindparam("after_time", type_=table.c.due_at.type), bindparam("after_key"))
_AFTER = Statement(_in_order.where(tuple_(table.c.due_at, table.c.key) > _place))


class SqlTasks:
    """``ports.store.Tasks``. ``changed`` is True if tasks were added or removed since it was last set to False."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.changed = False

    def add(self, task: Task) -> None:
        self.changed = True
        place = {name: task.arguments.get(name) for name in PLACE}
        _ADD.run(self._connection, key=task.key, kind=task.kind, due_at=task.due_at, arguments=task.arguments, **place)

    def find(self, key: str) -> Task | None:
        return _task(_FIND.one(self._connection, at_key=key))

    def remove(self, key: str) -> None:
        self.changed = True
        _REMOVE.run(self._connection, at_key=key)

    def hasten(self, kind: str, now: datetime) -> int:
        self.changed = True
        return _HASTEN.run(self._connection, of_kind=kind, now=now).rowcount

    def due(self, now: datetime, left_out: Set[str] = frozenset()) -> Task | None:
        if left_out:
            return _task(_DUE_OF_OTHERS.one(self._connection, now=now, left_out=list(left_out)))
        return _task(_DUE.one(self._connection, now=now))

    def due_in(self, scope: Scope, now: datetime, sources: Iterable[Registry] = ()) -> Task | None:
        own = scope.registry
        statement, name = _DUE_IN_REGISTRY, {}
        if scope.repository is not None:
            statement, name = _DUE_IN_REPOSITORY, {"of_repository": scope.repository}
        row = statement.one(
            self._connection,
            now=now,
            registries=[f"{registry.id}/{registry.region}" for registry in (own, *sources)],
            of_account=own.id,
            of_region=own.region,
            left_out=list(scope.left_out),
            **name,
        )
        return _task(row)

    def count(self) -> int:
        number: int = _COUNT.one(self._connection).number
        return number

    def page(self, after: TaskPlace | None, limit: int) -> list[Task]:
        if after is None:
            rows = _FIRST.all(self._connection, limit=limit)
        else:
            rows = _AFTER.all(self._connection, after_time=after.due_at, after_key=after.key, limit=limit)
        return [Task(row.key, row.kind, row.due_at, row.arguments) for row in rows]

    def next_due(self) -> datetime | None:
        """Return the time at which the first task is due; None if there is no task."""
        due: datetime | None = _NEXT.one(self._connection).due_at
        return due


def _task(row: Any) -> Task | None:
    return None if row is None else Task(row.key, row.kind, row.due_at, row.arguments)
