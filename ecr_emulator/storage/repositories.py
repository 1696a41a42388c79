"""The stored repositories.

A row of its own has the number of the repositories of a registry, since counting them would make the creation of a
repository in a large registry slow.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Encryption, Repository, TagMutability
from ecr_emulator.errors import RepositoryAlreadyExistsException, RepositoryNotFoundException
from ecr_emulator.storage.connections import Connection, ConstraintViolation
from ecr_emulator.storage.statements import Statement, new_row
from ecr_emulator.storage.tables import repositories as table
from ecr_emulator.storage.tables import repository_counts
from ecr_emulator.storage.watches import Effect

_of_registry = (table.c.account == bindparam("account"), table.c.region == bindparam("region"))
_FIND = Statement(select(table).where(*_of_registry, table.c.name == bindparam("name")))
_PAGE = Statement(
    select(table)
    .where(*_of_registry, table.c.name > bindparam("after"))
    .order_by(table.c.name)
    .limit(bindparam("limit"))
)
_ENCRYPTED_BY_KMS = Statement(
    select(table).where(table.c.encryption_type != "AES256").order_by(table.c.account, table.c.region, table.c.name)
)
_COUNT = Statement(
    select(repository_counts.c.number).where(
        repository_counts.c.account == bindparam("account"), repository_counts.c.region == bindparam("region")
    )
)
_change_count = upsert(repository_counts)
_CHANGE_COUNT = Statement(
    _change_count.on_conflict_do_update(set_={"number": repository_counts.c.number + _change_count.excluded.number})
)
_settings = table.c.keys()[table.c.keys().index("tag_mutability") : table.c.keys().index("image_count")]
_ADD = Statement(new_row(table), effect=Effect.NONE)  # nobody can have pulled from it
_SAVE = Statement(
    update(table).where(table.c.id == bindparam("key")).values({name: bindparam(name) for name in _settings})
)
_REMOVE = Statement(delete(table).where(table.c.id == bindparam("key")))


class SqlRepositories:
    """``ports.repositories.Repositories``; foreign keys delete the content of a repository with it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, registry: Registry, name: str) -> Repository | None:
        row = _FIND.one(self._connection, account=registry.id, region=registry.region, name=name)
        return None if row is None else repository_of(registry, row)

    def get(self, registry: Registry, name: str) -> Repository:
        found = self.find(registry, name)
        if found is None:
            raise RepositoryNotFoundException(repository_name=name, registry_id=registry.id)
        return found

    def page(self, registry: Registry, after: str, limit: int) -> list[Repository]:
        rows = _PAGE.all(self._connection, account=registry.id, region=registry.region, after=after, limit=limit)
        return [repository_of(registry, row) for row in rows]

    def encrypted_by_kms(self) -> list[Repository]:
        rows = _ENCRYPTED_BY_KMS.all(self._connection)
        return [repository_of(Registry(row.account, row.region), row) for row in rows]

    def count(self, registry: Registry) -> int:
        row = _COUNT.one(self._connection, account=registry.id, region=registry.region)
        return 0 if row is None else int(row.number)

    def add(self, repository: Repository) -> Repository:
        registry = repository.registry
        identity = {"account": registry.id, "region": registry.region, "name": repository.name}
        try:
            settings = _stored_settings(repository)
            created_at = repository.created_at
            counts = {"image_count": 0, "layer_bytes": 0}
            key = _ADD.add(self._connection, **identity, created_at=created_at, **settings, **counts)
        except ConstraintViolation as exists:
            raise RepositoryAlreadyExistsException(**repository.identity) from exists
        self._change_count(registry, 1)
        return replace(repository, key=key)

    def save(self, repository: Repository) -> None:
        _SAVE.run(self._connection, key=repository.key, **_stored_settings(repository))

    def remove(self, repository: Repository) -> None:
        removed = _REMOVE.run(self._connection, key=repository.key).rowcount
        self._change_count(repository.registry, -removed)

    def _change_count(self, registry: Registry, difference: int) -> None:
        _CHANGE_COUNT.run(self._connection, account=registry.id, region=registry.region, number=difference)


def _stored_settings(repository: Repository) -> dict[str, Any]:
    return {
        "tag_mutability": repository.mutability.mode,
        "exclusion_filters": repository.mutability.exclusion_filters,
        "encryption_type": repository.encryption.type,
        "kms_key": repository.encryption.kms_key,
        "scan_on_push": repository.scan_on_push,
        "policy": repository.policy,
        "lifecycle_policy": repository.lifecycle_policy,
        "resource_tags": repository.resource_tags,
        "lifecycle_evaluated_at": repository.lifecycle_evaluated_at,
    }


def repository_of(registry: Registry, row: Any) -> Repository:
    """Return the repository in a row that has all columns of the table."""
    return Repository(
        registry=registry,
        name=row.name,
        created_at=row.created_at,
        mutability=TagMutability(row.tag_mutability, tuple(row.exclusion_filters)),
        encryption=Encryption(row.encryption_type, row.kms_key),
        scan_on_push=row.scan_on_push,
        policy=row.policy,
        lifecycle_policy=row.lifecycle_policy,
        resource_tags=row.resource_tags,
        lifecycle_evaluated_at=row.lifecycle_evaluated_at,
        key=row.id,
    )
