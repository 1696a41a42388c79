"""The identities that IAM and STS know, and their policies.

A user has its own policies and those of its groups; a session has those of its role or user, and its own as a limit.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.error_responses import CompanionFailure
from ecr_emulator.companions.iam.documents import KEPT as KEPT_IAM
from ecr_emulator.companions.iam.lookups import backends_of, find_session, find_user
from ecr_emulator.companions.iam.session import Context, Session, begun
from ecr_emulator.companions.iam.session_policies import find_managed_policy
from ecr_emulator.companions.iam.session_records import kept_sessions
from ecr_emulator.companions.kept_documents import KeptDocuments
from ecr_emulator.domain.access.policies import NamedPolicy, Policies
from ecr_emulator.domain.access.request import Principal
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.principals import account_of, session_of_role
from ecr_emulator.errors import ServerException
from ecr_emulator.ports.identities import AccessKey, Identity
from ecr_emulator.ports.time import Clock

IAM, STS = "iam", "sts"
NOTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "NotAction": "*", "Resource": "*"}]}'
"""Stands for a deleted boundary or session policy, and for the policy that a federated user was not given."""
_EVERYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
_ECR = "ecr"
"""The name of the session that ECR uses when it acts in a role."""


class CompanionIdentities:
    """``ports.identities.Identities`` on the companions.

    IAM and the sessions of STS are kept in two documents. No identity is known before moto is first used, unless one of
    these exists. While one of them cannot be read, every request that needs an identity of IAM fails, and the error
    names the document.
    """

    def __init__(self, companions: Companions, clock: Clock, kept: KeptDocuments) -> None:
        self._companions = companions
        self._clock = clock
        self._kept = kept
        kept.keep(IAM, KEPT_IAM)
        kept.keep(STS, kept_sessions(clock))

    def find_key(self, access_key: str) -> AccessKey | None:
        if not self._are_known():
            return None
        with self._companions.entered():
            return _key(access_key)

    def identity_of(self, caller: Caller) -> Identity:
        principal = Principal.of_arn(caller.principal_arn)
        is_root = principal.is_root and not caller.session_key
        found: Identity | None = None
        if not is_root and self._are_known():
            with self._companions.entered():
                found = self._known_identity(caller)
        return found or Identity(principal)

    def identity_in_role(self, role_arn: str) -> Identity:
        """See ``ports.identities.Identities.identity_in_role``. Imports moto if needed, since moto holds the role."""
        self._load()
        with self._companions.entered():
            return _in_role(Principal.of_arn(session_of_role(role_arn, _ECR), role_arn), begun(self._clock.now()))

    def _are_known(self) -> bool:
        """Return whether there can be identities. Imports moto if an earlier process has kept some."""
        if not self._companions.is_loaded and self._kept.exist(IAM, STS):
            self._load()
        return self._companions.is_loaded

    def _load(self) -> None:
        try:
            self._companions.load()
        except CompanionFailure as failure:
            raise ServerException(str(failure)) from failure

    def _known_identity(self, caller: Caller) -> Identity | None:
        if not caller.session_key:
            return _user_identity(caller.principal_arn)
        session = find_session(caller.session_key)
        return _session_identity(session, session.context(self._clock.now())) if session else None


def _key(access_key: str) -> AccessKey | None:
    session = find_session(access_key)
    if session:
        return AccessKey(session.account, session.arn, session.secret, session.token, session.ends)
    found = find_user(access_key)
    if found is None:
        return None
    user, key = found
    return AccessKey(user.account_id, user.arn, key.secret_access_key) if key.status == "Active" else None


# --- Identities ------------------------------------------------------------------------------------------


def _session_identity(session: Session, context: Context) -> Identity:
    if ":role/" in session.owner:
        identity = _in_role(Principal.of_arn(session.arn, session.owner), context)
    elif session.is_federated:
        identity = _federated_identity(session, context)
    else:
        identity = _user_identity(session.owner) or Identity(Principal.of_arn(session.arn))
        identity = identity._replace(context={**identity.context, **context})
    policies = replace(identity.policies, session=tuple(_policies_of_session(session)))
    return identity._replace(policies=policies)


def _federated_identity(session: Session, context: Context) -> Identity:
    """Return the identity of a federated user: the policies of the user or root that federates, not its attributes."""
    if session.owner.endswith(":root"):
        policies = Policies(identity=(NamedPolicy("the permissions of the root", _EVERYTHING),))
        return Identity(Principal.of_arn(session.arn), policies, context)
    federating = _user_identity(session.owner)
    principal = Principal(session.arn, session.account, user_arn=session.owner)
    return Identity(principal, federating.policies if federating else Policies(), context)


def _user_identity(arn: str) -> Identity | None:
    found = _find_by_arn("users", arn)
    if found is None:
        return None
    iam, user = found
    policies = Policies(
        identity=tuple(
            policy for holder in (user, *iam.get_groups_for_user(user.name)) for policy in _policies_of(holder)
        ),
        boundary=_boundary(user),
    )
    context = {"aws:username": (user.name,), "aws:userid": (user.id,)} | _principal_tags(user.tags)
    return Identity(Principal.of_arn(user.arn), policies, context)


def _in_role(principal: Principal, context: Context) -> Identity:
    found = _find_by_arn("roles", principal.role_arn or "")
    if found is None:
        return Identity(principal, context=context)
    _, role = found
    policies = Policies(identity=tuple(_policies_of(role)), boundary=_boundary(role))
    trust = role.assume_role_policy_document
    userid = {"aws:userid": (f"{role.id}:{principal.arn.rpartition('/')[2]}",)}
    return Identity(principal, policies, {**userid, **_principal_tags(role.tags), **context}, trust)


# --- Policies --------------------------------------------------------------------------------------------


def _policies_of_session(session: Session) -> Iterator[NamedPolicy]:
    policies = session.policies
    if policies.inline:
        yield NamedPolicy("the policy of the session", policies.inline)
    for arn in policies.arns:
        yield _managed(session.account, arn)
    if session.is_federated and not policies:
        yield NamedPolicy("the policy that the federated user was not given", NOTHING)


def _policies_of(holder: Any) -> Iterator[NamedPolicy]:
    """Return the inline and managed policies of a user, group or role."""
    for name, document in list(holder.policies.items()):
        yield NamedPolicy(name, document)
    for arn, policy in list(holder.managed_policies.items()):
        yield NamedPolicy(arn, _document(policy))


def _boundary(holder: Any) -> NamedPolicy | None:
    """Return the permissions boundary of a user or role."""
    boundary: Mapping[str, str] | None = getattr(holder, "permissions_boundary", None)
    return _managed(holder.account_id, boundary["PermissionsBoundaryArn"]) if boundary else None


def _managed(account: str, arn: str) -> NamedPolicy:
    policy = find_managed_policy(account, arn)
    return NamedPolicy(arn, _document(policy) if policy else NOTHING)


def _document(policy: Any) -> str:
    return next(str(version.document) for version in policy.versions if version.is_default)


def _find_by_arn(kind: str, arn: str) -> tuple[Any, Any] | None:
    """Return the backend and the user or role with an ARN."""
    backends = backends_of("iam", account_of(arn))
    return next(
        ((iam, each) for iam in backends for each in list(getattr(iam, kind).values()) if each.arn == arn), None
    )


def _principal_tags(tags: list[dict[str, str]] | None) -> dict[str, tuple[str, ...]]:
    return {f"aws:PrincipalTag/{tag['Key']}": (tag["Value"],) for tag in tags or ()}
