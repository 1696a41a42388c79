"""The identities that IAM and STS know, and their policies.

A user has its own policies and those of its groups; a session has those of its role and its session policy.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from threading import Lock
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.iam.lookups import backends_of, find_session, find_user
from ecr_emulator.companions.iam.sessions import Context, Sessions
from ecr_emulator.domain.access.policies import NamedPolicy, Policies
from ecr_emulator.domain.access.request import Principal
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.principals import account_of, session_of_role
from ecr_emulator.ports.identities import AccessKey, Identity
from ecr_emulator.ports.time import Clock

NOTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "NotAction": "*", "Resource": "*"}]}'
"""Stands for a deleted permissions boundary: it allows nothing."""
_ECR = "ecr"
"""The name of the session that ECR uses when it acts in a role."""


class CompanionIdentities:
    """``ports.identities.Identities`` on the companions. No identity is known before moto is first used.

    moto measures the life of a session by the machine's clock; this class ends a session by the emulator's clock,
    even if that clock was moved before or after.
    """

    def __init__(self, companions: Companions, clock: Clock) -> None:
        self._companions = companions
        self._clock = clock
        self._sessions = Sessions(companions, clock)
        self._ends: WeakKeyDictionary[Any, datetime] = WeakKeyDictionary()
        self._lock = Lock()
        companions.after_each_call(self._note_new_sessions)
        companions.in_snapshots(lambda: list(self._ends.items()), self._put_ends)

    def find_key(self, access_key: str) -> AccessKey | None:
        if not self._companions.is_loaded:
            return None
        with self._companions.entered():
            return self._key(access_key)

    def _key(self, access_key: str) -> AccessKey | None:
        session = find_session(access_key)
        if session:
            ends = self._ends.get(session) or self._end_of(session)
            return AccessKey(session.account_id, session.arn, session.secret_access_key, session.session_token, ends)
        found = find_user(access_key)
        if found is None:
            return None
        user, key = found
        return AccessKey(user.account_id, user.arn, key.secret_access_key) if key.status == "Active" else None

    def identity_of(self, caller: Caller) -> Identity:
        found: Identity | None = None
        if self._companions.is_loaded:
            with self._companions.entered():
                found = self._known_identity(caller)
        return found or Identity(Principal.of_arn(caller.principal_arn))

    def identity_in_role(self, role_arn: str) -> Identity:
        """See ``ports.identities.Identities.identity_in_role``. Imports moto if needed, since moto holds the role."""
        self._companions.load()
        with self._companions.entered():
            principal = Principal.of_arn(session_of_role(role_arn, _ECR), role_arn)
            return _in_role(principal, context=self._sessions.context_of_new())

    def _known_identity(self, caller: Caller) -> Identity | None:
        if not caller.session_key:
            return _user_identity(caller.principal_arn)
        session = find_session(caller.session_key)
        return _session_identity(session, self._sessions.context(caller.session_key)) if session else None

    def _note_new_sessions(self) -> None:
        """Remember the ends of the sessions that began since the last call: moto lists the newest session last."""
        with self._lock:
            for sts in backends_of("sts"):
                for session in reversed(sts.assumed_roles):
                    if session in self._ends:
                        break
                    self._ends[session] = self._end_of(session)

    def _put_ends(self, ends: list[tuple[Any, datetime]]) -> None:
        with self._lock:
            self._ends = WeakKeyDictionary(dict(ends))

    def _end_of(self, session: Any) -> datetime:
        from moto.core.utils import utcnow

        left: timedelta = session.expiration - utcnow()
        return self._clock.now() + left


# --- Policies --------------------------------------------------------------------------------------------


def _user_identity(arn: str) -> Identity | None:
    found = _find_by_arn("users", arn)
    if found is None:
        return None
    iam, user = found
    groups = iam.get_groups_for_user(user.name)
    policies = [policy for holder in (user, *groups) for policy in _policies_of(holder)]
    context = {"aws:username": (user.name,), "aws:userid": (user.id,)} | _principal_tags(user.tags)
    return Identity(Principal.of_arn(user.arn), Policies(identity=tuple(policies)), context)


def _session_identity(session: Any, context: Context) -> Identity:
    policies = (NamedPolicy("the policy of the session", session.policy),) if session.policy else ()
    context = context | {"aws:userid": (session.user_id,)}
    return _in_role(Principal.of_arn(session.arn, session.role_arn), policies, context)


def _in_role(
    principal: Principal,
    of_session: tuple[NamedPolicy, ...] = (),
    context: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> Identity:
    found = _find_by_arn("roles", principal.role_arn or "")
    if found is None:
        return Identity(principal, context=context)
    iam, role = found
    policies = Policies(
        identity=tuple(_policies_of(role)),
        boundary=_boundary(role.permissions_boundary_arn, iam),
        session=of_session,
    )
    trust = role.assume_role_policy_document
    userid = {"aws:userid": (f"{role.id}:{principal.arn.rpartition('/')[2]}",)}
    return Identity(principal, policies, {**userid, **_principal_tags(role.tags), **context}, trust)


def _find_by_arn(kind: str, arn: str) -> tuple[Any, Any] | None:
    """Return the backend and the user or role with an ARN."""
    backends = backends_of("iam", account_of(arn))
    return next(
        ((iam, each) for iam in backends for each in list(getattr(iam, kind).values()) if each.arn == arn), None
    )


def _policies_of(holder: Any) -> Iterator[NamedPolicy]:
    """Return the inline and managed policies of a user, group or role."""
    for name, document in list(holder.policies.items()):
        yield NamedPolicy(name, document)
    for arn, policy in list(holder.managed_policies.items()):
        yield NamedPolicy(arn, _document(policy))


def _boundary(arn: str | None, iam: Any) -> NamedPolicy | None:
    if not arn:
        return None
    policy = iam.managed_policies.get(arn)
    return NamedPolicy(arn, _document(policy) if policy else NOTHING)


def _document(policy: Any) -> str:
    return next(str(version.document) for version in policy.versions if version.is_default)


def _principal_tags(tags: list[dict[str, str]] | None) -> dict[str, tuple[str, ...]]:
    return {f"aws:PrincipalTag/{tag['Key']}": (tag["Value"],) for tag in tags or ()}
