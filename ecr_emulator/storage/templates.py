"""The stored repository creation templates."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Encryption, TagMutability
from ecr_emulator.domain.template import CreationTemplate
from ecr_emulator.errors import TemplateAlreadyExistsException
from ecr_emulator.storage.connections import Connection, ConstraintViolation
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import creation_templates as table

_of_registry = (table.c.account == bindparam("in_account"), table.c.region == bindparam("in_region"))
_this = (*_of_registry, table.c.prefix == bindparam("at_prefix"))
_FIND = Statement(select(table).where(*_this))
_ALL = Statement(select(table).where(*_of_registry).order_by(table.c.prefix))
_ADD = Statement(insert(table))
_SAVE = Statement(update(table).where(*_this).values({name: bindparam(name) for name in table.c.keys()[3:]}))
_REMOVE = Statement(delete(table).where(*_this))


class SqlCreationTemplates:
    """``ports.registries.CreationTemplates``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, registry: Registry, prefix: str) -> CreationTemplate | None:
        row = _FIND.one(self._connection, **_place(registry), at_prefix=prefix)
        return None if row is None else _template(registry, row)

    def all(self, registry: Registry) -> list[CreationTemplate]:
        return [_template(registry, row) for row in _ALL.all(self._connection, **_place(registry))]

    def add(self, template: CreationTemplate) -> None:
        account, region = template.registry.id, template.registry.region
        try:
            _ADD.run(self._connection, account=account, region=region, prefix=template.prefix, **_stored(template))
        except ConstraintViolation as exists:
            raise TemplateAlreadyExistsException(prefix=template.prefix, registry_id=account) from exists

    def save(self, template: CreationTemplate) -> None:
        _SAVE.run(self._connection, **_place(template.registry), at_prefix=template.prefix, **_stored(template))

    def remove(self, template: CreationTemplate) -> None:
        _REMOVE.run(self._connection, **_place(template.registry), at_prefix=template.prefix)


def _place(registry: Registry) -> dict[str, str]:
    return {"in_account": registry.id, "in_region": registry.region}


def _stored(template: CreationTemplate) -> dict[str, Any]:
    return {
        "applied_for": template.applied_for,
        "created_at": template.created_at,
        "updated_at": template.updated_at,
        "description": template.description,
        "encryption_type": template.encryption.type,
        "kms_key": template.encryption.kms_key,
        "tag_mutability": template.mutability.mode,
        "exclusion_filters": template.mutability.exclusion_filters,
        "repository_policy": template.repository_policy,
        "lifecycle_policy": template.lifecycle_policy,
        "resource_tags": template.resource_tags,
        "custom_role_arn": template.custom_role_arn,
    }


def _template(registry: Registry, row: Any) -> CreationTemplate:
    return CreationTemplate(
        registry=registry,
        prefix=row.prefix,
        applied_for=tuple(row.applied_for),
        created_at=row.created_at,
        updated_at=row.updated_at,
        description=row.description,
        encryption=Encryption(row.encryption_type, row.kms_key),
        mutability=TagMutability(row.tag_mutability, tuple(row.exclusion_filters)),
        repository_policy=row.repository_policy,
        lifecycle_policy=row.lifecycle_policy,
        resource_tags=row.resource_tags,
        custom_role_arn=row.custom_role_arn,
    )
