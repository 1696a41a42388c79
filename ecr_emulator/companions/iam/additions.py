"""Everything of IAM and STS that this emulator adds to moto, or refuses in its place."""

from __future__ import annotations

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.iam.boundaries import keep_boundaries
from ecr_emulator.companions.iam.caller_identity import answer_caller_identity, refuse_user_of_session
from ecr_emulator.companions.iam.refused_changes import (
    refuse_changes_of_aws_policies,
    refuse_changes_of_protected_roles,
    refuse_deletion_of_attached_policies,
)
from ecr_emulator.companions.iam.role_sessions import RoleSessions
from ecr_emulator.companions.iam.session_tokens import SessionTokens
from ecr_emulator.ports.time import Clock


def add_to_iam(companions: Companions, clock: Clock, *, refuses_unknown_keys: bool) -> None:
    """Register the additions. ``refuses_unknown_keys``: whether callers with unknown keys get no session tokens."""
    for answer in (
        answer_caller_identity,
        refuse_user_of_session,
        refuse_changes_of_protected_roles,
        refuse_changes_of_aws_policies,
        refuse_deletion_of_attached_policies,
    ):
        companions.before_each_call(answer)
    keep_boundaries(companions)
    RoleSessions(companions, clock)
    SessionTokens(companions, clock, refuses_unknown_keys=refuses_unknown_keys)
