"""Whom IAM and STS know by an access key."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecr_emulator.companions.mount import Companions


class CompanionIdentities:
    """The users and assumed roles of the companions. Nobody is known before moto is first used."""

    def __init__(self, companions: Companions) -> None:
        self._companions = companions

    def __call__(self, access_key: str) -> tuple[str, str] | None:
        """The account and the ARN of the principal that an access key belongs to."""
        return find_identity(access_key) if self._companions.is_loaded else None


def find_identity(access_key: str) -> tuple[str, str] | None:
    """The account and the ARN of the principal that an access key belongs to, in any partition; imports moto."""
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends

    for account, regions in list(sts_backends.items()):
        for sts in list(regions.values()):
            role = sts.get_assumed_role_from_access_key(access_key)
            if role:
                return account, role.arn
    for account, partitions in list(iam_backends.items()):
        for iam in list(partitions.values()):
            if access_key in iam.access_keys:
                user = iam.get_user_from_access_key_id(access_key)
                return (account, user.arn) if user else None
    return None
