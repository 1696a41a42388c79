"""The service-linked roles that ECR creates for itself, in the IAM companion.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/using-service-linked-roles.html
"""

from __future__ import annotations

from typing import Any

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.kept_documents import KeptDocuments
from ecr_emulator.domain.service_linked_roles import ROLES
from ecr_emulator.ports.store import Store


class CompanionRoles:
    """``ports.identities.Roles`` in the IAM companion.

    A role is recorded in the store, so that it exists after a restart and moto need not be imported.
    ``role_deletions`` keeps a role from deletion while it is needed, and a deleted role from returning.
    """

    def __init__(self, companions: Companions, store: Store, kept: KeptDocuments) -> None:
        self._companions = companions
        self._store = store
        self._kept = kept
        companions.at_load(self._create_remembered, "iam")

    def has_service_linked_role(self, account: str, service: str) -> bool:
        if self._companions.is_loaded:
            with self._companions.entered():
                return _has(account, service)
        with self._store.reading() as work:
            return (account, service) in work.service_linked_roles.all()

    def ensure_service_linked_role(self, account: str, service: str) -> None:
        with self._store.writing() as work:
            if (account, service) not in work.service_linked_roles.all():
                work.service_linked_roles.add(account, service)
                self._kept.touch("iam")
        self._companions.if_loaded(lambda: _ensure(account, service))

    def _create_remembered(self) -> None:
        with self._store.reading() as work:
            remembered = work.service_linked_roles.all()
        for account, service in remembered:
            _ensure(account, service)


def find_role(account: str, name: str) -> Any | None:
    """Return the role of this name in an account."""
    from moto.iam.models import iam_backends

    roles = (role for iam in list(iam_backends[account].values()) for role in list(iam.roles.values()))
    return next((role for role in roles if role.name == name), None)


def detach_policies(account: str, name: str) -> None:
    """Detach the managed policies of a role, if the role exists: moto deletes no role that has policies."""
    role = find_role(account, name)
    for policy in list(role.managed_policies.values()) if role else ():
        policy.detach_from(role)


def _has(account: str, service: str) -> bool:
    return find_role(account, ROLES[service].name) is not None


def _ensure(account: str, service: str) -> None:
    from moto.iam.models import iam_backends

    if _has(account, service):
        return
    iam_backends[account]["aws"].create_service_linked_role(service, "", "")
