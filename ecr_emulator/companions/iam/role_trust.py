"""The check of AssumeRole where IAM is enforced: the trust policy of the role decides, as at AWS.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.iam.role_sessions import BEGINNINGS, tags_of, with_mfa
from ecr_emulator.companions.query import Refused, access_key_of, members_of, query_of, region_of
from ecr_emulator.domain.access.evaluate import Decision, decide
from ecr_emulator.domain.access.policies import NamedPolicy
from ecr_emulator.domain.access.request import AccessRequest
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry, is_account_id
from ecr_emulator.domain.principals import account_of
from ecr_emulator.ports.identities import Identities
from ecr_emulator.ports.time import Clock

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response

log = logging.getLogger(__name__)

_ASSUME = "sts:AssumeRole"
_FORBIDDEN = 403


class RoleTrust:
    """Refuses requests to STS for roles that do not exist, or that do not trust the caller.

    A caller in the account of the role needs the trust policy to name it, or to name the account and a policy of its
    own to allow ``sts:AssumeRole``; a caller of another account needs both policies. The root of the account, for which
    the keys of twelve digits stand, may assume each of its roles. Identity providers are not verified, so that the
    roles of AssumeRoleWithSAML and AssumeRoleWithWebIdentity need only exist.
    """

    def __init__(self, companions: Companions, identities: Identities, clock: Clock) -> None:
        self._identities = identities
        self._clock = clock
        companions.before_each_call(self._answer)

    def _answer(self, environ: WSGIEnvironment, account: str) -> Response | None:
        query = query_of(environ, "sts")
        action = query.get("Action", "")
        if action not in BEGINNINGS or not query.get("RoleArn"):
            return None
        try:
            if action == "AssumeRole":
                self._check_caller(self._caller(environ, account), query)
            elif self._identities.identity_in_role(query["RoleArn"]).trust is None:
                raise Refused("AccessDenied", f"Not authorized to perform sts:{action}", _FORBIDDEN)
        except Refused as refused:
            return refused.answer
        return None

    def _caller(self, environ: WSGIEnvironment, account: str) -> Caller:
        access_key = access_key_of(environ)
        registry = Registry(account, region_of(environ))
        if is_account_id(access_key):
            return Caller.root_of(registry)
        known = self._identities.find_key(access_key)
        if known is None:
            raise Refused("InvalidClientTokenId", "The security token included in the request is invalid.", _FORBIDDEN)
        if known.expires_at and known.expires_at <= self._clock.now():
            raise Refused("ExpiredToken", "The security token included in the request is expired", _FORBIDDEN)
        return Caller(registry, known.principal_arn, access_key if known.session_token else None)

    def _check_caller(self, caller: Caller, query: Mapping[str, str]) -> None:
        role = query["RoleArn"]
        decision = self._decide(caller, role, query)
        if decision is None or not decision.is_allowed:
            reason = decision.reason if decision else "there is no such role"
            log.info("%s on %s is denied to %s: %s", _ASSUME, role, caller.principal_arn, reason)
            sentence = f"User: {caller.principal_arn} is not authorized to perform: {_ASSUME} on resource: {role}"
            raise Refused("AccessDenied", sentence, _FORBIDDEN)

    def _decide(self, caller: Caller, role: str, query: Mapping[str, str]) -> Decision | None:
        """Return the decision of all policies that apply; None if there is no such role."""
        trust = self._identities.identity_in_role(role).trust
        if trust is None:
            return None
        identity = self._identities.identity_of(caller)
        context = {**identity.context, **_context(query), "aws:CurrentTime": (self._clock.now().isoformat(),)}
        policies = replace(identity.policies, resource=(NamedPolicy(f"of the role {role}", trust),))
        request = AccessRequest(identity.principal, _ASSUME, role, context)
        owner = account_of(role) or caller.registry.id
        return decide(request, policies, owner, requires_resource_policy=True)


def _context(query: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the values of condition keys that a request to assume a role gives."""
    given = {
        "sts:ExternalId": query.get("ExternalId"),
        "sts:RoleSessionName": query.get("RoleSessionName"),
        "sts:SourceIdentity": query.get("SourceIdentity"),
        "aws:MultiFactorAuthPresent": "true" if with_mfa(query) else None,
    }
    tags = tags_of(query)
    return {
        **{key: (value,) for key, value in given.items() if value},
        **{f"aws:RequestTag/{key}": (value,) for key, value in tags.items()},
        "aws:TagKeys": tuple(tags),
        "sts:TransitiveTagKeys": members_of(query, "TransitiveTagKeys"),
    }
