"""The stored pull through cache rules."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from json import loads
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.errors import PullThroughCacheRuleAlreadyExistsException
from ecr_emulator.storage.connections import Connection, ConstraintViolation
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import Instant, instant_of
from ecr_emulator.storage.tables import pull_through_rules as table

_facts = table.c.keys()[3:]
_dates = [name for name in _facts if isinstance(table.c[name].type, Instant)]
_of_registry = (table.c.account == bindparam("in_account"), table.c.region == bindparam("in_region"))
_this = (*_of_registry, table.c.prefix == bindparam("at_prefix"))
_FIND = Statement(select(table).where(*_this))
_ALL = Statement(select(table).where(*_of_registry).order_by(table.c.prefix))
_REGISTRIES = Statement(select(table.c.account, table.c.region).distinct().order_by(table.c.account, table.c.region))
_OF_ACCOUNT = Statement(
    select(table).where(table.c.account == bindparam("in_account")).order_by(table.c.region, table.c.prefix)
)
RULES = (
    select(func.json_group_array(func.json_array(*table.c[2:])))
    .where(table.c.account == bindparam("account"), table.c.region == bindparam("region"))
    .scalar_subquery()
    .label("rules")
)
"""The column with the rules of a registry as one text, for ``rules_in``."""
_ADD = Statement(insert(table))
_SAVE = Statement(update(table).where(*_this).values({name: bindparam(name) for name in _facts}))
_REMOVE = Statement(delete(table).where(*_this))


class SqlPullThroughRules:
    """``ports.registries.PullThroughRules``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, registry: Registry, prefix: str) -> PullThroughRule | None:
        row = _FIND.one(self._connection, **_place(registry), at_prefix=prefix)
        return None if row is None else _rule(registry, row)

    def all(self, registry: Registry) -> list[PullThroughRule]:
        return [_rule(registry, row) for row in _ALL.all(self._connection, **_place(registry))]

    def of_account(self, account: str) -> list[PullThroughRule]:
        rows = _OF_ACCOUNT.all(self._connection, in_account=account)
        return [_rule(Registry(account, row.region), row) for row in rows]

    def registries(self) -> list[Registry]:
        return [Registry(row.account, row.region) for row in _REGISTRIES.all(self._connection)]

    def add(self, rule: PullThroughRule) -> None:
        account, region = rule.registry.id, rule.registry.region
        try:
            _ADD.run(self._connection, account=account, region=region, prefix=rule.prefix, **_stored(rule))
        except ConstraintViolation as exists:
            raise PullThroughCacheRuleAlreadyExistsException(prefix=rule.prefix, registry_id=account) from exists

    def save(self, rule: PullThroughRule) -> None:
        _SAVE.run(self._connection, **_place(rule.registry), at_prefix=rule.prefix, **_stored(rule))

    def remove(self, rule: PullThroughRule) -> None:
        _REMOVE.run(self._connection, **_place(rule.registry), at_prefix=rule.prefix)


def _place(registry: Registry) -> dict[str, str]:
    return {"in_account": registry.id, "in_region": registry.region}


def _stored(rule: PullThroughRule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in _facts}


@lru_cache(maxsize=64)
def rules_in(text: str, registry: Registry) -> Sequence[PullThroughRule]:
    """Return the rules in a cell of the column ``RULES``. Pulls read the same text again and again."""
    return tuple(_rule_in(cells, registry) for cells in loads(text))


def _rule_in(cells: list[Any], registry: Registry) -> PullThroughRule:
    facts = dict(zip(_facts, cells[1:], strict=True))
    facts |= {name: instant_of(facts[name]) for name in _dates}
    return PullThroughRule(registry, cells[0], **facts)


def _rule(registry: Registry, row: Any) -> PullThroughRule:
    return PullThroughRule(registry, row.prefix, **{name: getattr(row, name) for name in _facts})
