"""Sessions of roles: the limits and attributes that a request to STS gives them, and moto does not keep.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.iam.lookups import add_session, backends_of, find_session
from ecr_emulator.companions.iam.session import Session, SessionAttributes, SessionPolicies
from ecr_emulator.companions.iam.session_policies import (
    check_session_policies,
    packed_policy_size,
    session_policies_of,
)
from ecr_emulator.companions.query import Refused, access_key_of, members_of, query_of
from ecr_emulator.domain.principals import account_of
from ecr_emulator.ports.time import Clock

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response

BEGINNINGS = frozenset({"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})
"""Operations that begin a session of a role."""
_ACCESS_KEY = re.compile(r"<AccessKeyId>(\w+)</AccessKeyId>")
_PACKED_SIZE = re.compile(r"<PackedPolicySize>\d+</PackedPolicySize>")
_HOUR = 3600
_PROVIDERS_BY_NAME = {"accounts.google.com", "cognito-identity.amazonaws.com"}
"""Providers that policies name directly; other issuers have an ARN."""


NO_POLICIES = SessionPolicies()
NO_ATTRIBUTES = SessionAttributes()


class RoleSessions:
    """Checks requests to assume a role, and keeps each session that moto issues with all its attributes."""

    def __init__(self, companions: Companions, clock: Clock) -> None:
        self._clock = clock
        companions.before_each_call(_refuse_session_policies)
        companions.after_each_answer(self._keep)

    def _keep(self, environ: WSGIEnvironment, answer: Response) -> None:
        query = query_of(environ, "sts")
        if query.get("Action") not in BEGINNINGS:
            return
        text = answer.get_data(as_text=True)
        issued = _ACCESS_KEY.search(text)
        found = _find_assumed_role(issued[1]) if issued else None
        if found is None:
            return
        beginner = find_session(access_key_of(environ))
        add_session(_session(found, self._clock.now(), session_policies_of(query), _attributes(query, beginner)))
        size = f"<PackedPolicySize>{packed_policy_size(query)}</PackedPolicySize>"
        answer.set_data(_PACKED_SIZE.sub(size, text))


def begin_role_session(role_arn: str, region: str, name: str, now: datetime) -> Session:
    """Begin a session of a role, as a service does that assumes it; ``name`` is that of the session."""
    from moto.sts.models import sts_backends
    from moto.utilities.utils import get_partition

    sts: Any = sts_backends[account_of(role_arn) or ""][get_partition(region)]
    session = _session(sts.assume_role(region, name, role_arn, None, _HOUR, None), now)
    add_session(session)
    return session


def _session(
    assumed: Any, now: datetime, policies: SessionPolicies = NO_POLICIES, attributes: SessionAttributes = NO_ATTRIBUTES
) -> Session:
    """Return the session for one that moto has issued now."""
    from moto.core.utils import utcnow

    return Session(
        access_key=assumed.access_key_id,
        secret=assumed.secret_access_key,
        token=assumed.session_token,
        account=assumed.account_id,
        partition=assumed.partition,
        arn=assumed.arn,
        user_id=assumed.user_id,
        owner=assumed.role_arn,
        issued=now,
        ends=now + (assumed.expiration - utcnow()),
        policies=policies,
        attributes=attributes,
    )


def _refuse_session_policies(environ: WSGIEnvironment, account: str) -> Response | None:
    query = query_of(environ, "sts")
    if query.get("Action") not in BEGINNINGS:
        return None
    try:
        check_session_policies(query, account_of(query.get("RoleArn", "")) or account)
    except Refused as refused:
        return refused.answer
    return None


def _find_assumed_role(access_key: str) -> Any | None:
    found = (sts.get_assumed_role_from_access_key(access_key) for sts in backends_of("sts"))
    return next((assumed for assumed in found if assumed), None)


def tags_of(query: Mapping[str, str]) -> dict[str, str]:
    """Return the tags in a request."""
    return dict(zip(members_of(query, "Tags", "Key"), members_of(query, "Tags", "Value"), strict=False))


def with_mfa(query: Mapping[str, str]) -> bool:
    """Return whether a request carries a code of an MFA device."""
    return "SerialNumber" in query and "TokenCode" in query


def _attributes(query: Mapping[str, str], beginner: Session | None) -> SessionAttributes:
    """Return the attributes of a session that begins now. Requested tags override inherited ones."""
    before = beginner.attributes if beginner else SessionAttributes()
    tags = {**before.transitive, **tags_of(query)}
    passed_on = members_of(query, "TransitiveTagKeys")
    return SessionAttributes(
        with_mfa=with_mfa(query),
        provider=_provider(query),
        source_identity=query.get("SourceIdentity") or before.source_identity,
        tags=tags,
        transitive={**before.transitive, **{key: value for key, value in tags.items() if key in passed_on}},
    )


def _provider(query: Mapping[str, str]) -> str | None:
    """Return the identity provider that authenticated the caller: an ARN, or a name that AWS knows."""
    if query["Action"] == "AssumeRoleWithSAML":
        return query.get("PrincipalArn")
    if query["Action"] != "AssumeRoleWithWebIdentity":
        return None
    issuer = query.get("ProviderId") or _issuer(query.get("WebIdentityToken", ""))
    if issuer is None or issuer in _PROVIDERS_BY_NAME or "ProviderId" in query:
        return issuer
    _, partition, _, _, account, *_ = [*query.get("RoleArn", "").split(":"), "", "", "", "", ""]
    return f"arn:{partition}:iam::{account}:oidc-provider/{issuer}"


def _issuer(token: str) -> str | None:
    """Return the issuer of a JSON web token, without ``https://``."""
    try:
        claims = token.split(".")[1]
        issuer = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["iss"]
        return str(issuer).removeprefix("https://")
    except (IndexError, LookupError, TypeError, ValueError):
        return None
