"""The service-linked roles that ECR makes for itself.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/using-service-linked-roles.html
"""

from __future__ import annotations

import json

from ecr_emulator.companions.mount import Companions
from ecr_emulator.ports import Store

NAMES = {
    "pullthroughcache.ecr.amazonaws.com": "AWSServiceRoleForECRPullThroughCache",
    "replication.ecr.amazonaws.com": "AWSServiceRoleForECRReplication",
    "ecr.amazonaws.com": "AWSServiceRoleForECRTemplate",
}


class CompanionRoles:
    """``ports.Roles`` in the IAM companion.

    A role is remembered in the store, so that it is there after a restart, and does not make moto be imported.
    Deleting one while rules exist is left to moto, which allows it; the next rule makes it anew.
    """

    def __init__(self, companions: Companions, store: Store) -> None:
        self._companions = companions
        self._store = store
        companions.at_load(self._create_remembered)

    def ensure_service_linked_role(self, account: str, service: str) -> None:
        """Create the service-linked role of a service principal unless the account has it."""
        with self._store.writing() as work:
            work.service_linked_roles.add(account, service)
        if self._companions.is_loaded:
            _ensure(account, service)

    def _create_remembered(self) -> None:
        with self._store.reading() as work:
            remembered = work.service_linked_roles.all()
        for account, service in remembered:
            _ensure(account, service)


def _ensure(account: str, service: str) -> None:
    from moto.iam.models import iam_backends

    iam = iam_backends[account]["aws"]
    if any(role.name == NAMES[service] for role in iam.roles.values()):
        return
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    iam.create_role(
        NAMES[service],
        json.dumps(trust),
        f"/aws-service-role/{service}/",
        permissions_boundary=None,
        description="",
        tags=[],
        max_session_duration="3600",
        linked_service=service,
    )
