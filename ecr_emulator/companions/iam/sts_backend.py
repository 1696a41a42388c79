"""moto's STS with the sessions of this emulator, which have the attributes that moto drops."""

from __future__ import annotations

from ecr_emulator.companions.iam.lookups import find_session, find_user
from ecr_emulator.companions.iam.session import Session


def sts_of_aws() -> type:
    """Return the class of the backend; imports moto's."""
    from moto.sts.models import STSBackend

    class StsOfAws(STSBackend):
        """STS that knows its sessions by their access keys, and the roots of accounts."""

        __module__ = STSBackend.__module__  # moto finds the addresses of a service by the module of its backend

        def __init__(self, region_name: str, account_id: str) -> None:
            super().__init__(region_name, account_id)
            self.sessions: dict[str, Session] = {}

        def get_caller_identity(self, access_key_id: str, region: str) -> tuple[str, str, str]:
            """Return the user id, ARN and account of a caller. An unknown key belongs to a root, as in ECR."""
            session = find_session(access_key_id)
            if session:
                return session.user_id, session.arn, session.account
            found = find_user(access_key_id)
            if found:
                user, _ = found
                return user.id, user.arn, user.account_id
            return self.account_id, f"arn:{self.partition}:iam::{self.account_id}:root", self.account_id

    return StsOfAws
