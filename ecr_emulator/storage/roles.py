"""The service-linked roles that ECR has created, so that they can be made again after a restart."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import service_linked_roles as table

_ALL = Statement(select(table).order_by(table.c.account, table.c.service))
_REMOVE = Statement(
    delete(table).where(table.c.account == bindparam("in_account"), table.c.service == bindparam("of_service"))
)
_ADD = Statement(upsert(table).on_conflict_do_nothing())


class SqlServiceLinkedRoles:
    """``ports.registries.ServiceLinkedRoles``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> list[tuple[str, str]]:
        return [(row.account, row.service) for row in _ALL.all(self._connection)]

    def add(self, account: str, service: str) -> None:
        _ADD.run(self._connection, account=account, service=service)

    def remove(self, account: str, service: str) -> None:
        _REMOVE.run(self._connection, in_account=account, of_service=service)
