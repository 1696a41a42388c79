"""Values of condition keys from the beginning of a role's session, which moto does not keep.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.query import access_key_of, query_of
from ecr_emulator.ports.time import Clock

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response

Context = dict[str, tuple[str, ...]]

_BEGINNINGS = {"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"}
_ACCESS_KEY = re.compile(r"<AccessKeyId>(\w+)</AccessKeyId>")
_TAG = re.compile(r"Tags\.member\.([0-9]+)\.Key")
_PROVIDERS_BY_NAME = {"accounts.google.com", "cognito-identity.amazonaws.com"}
"""Providers that policies name directly; other issuers have an ARN."""


@dataclass(frozen=True)
class SessionFacts:
    """The start of a session, its use of MFA, and its tags and identities; sessions that it begins inherit some."""

    issued: datetime
    with_mfa: bool = False
    provider: str | None = None
    source_identity: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: Mapping[str, str] = field(default_factory=dict)

    def context(self, now: datetime) -> Context:
        """Return the values of condition keys."""
        known = {
            "aws:TokenIssueTime": self.issued.isoformat(),
            "aws:MultiFactorAuthPresent": "true" if self.with_mfa else "false",
            "aws:MultiFactorAuthAge": str(int((now - self.issued).total_seconds())) if self.with_mfa else None,
            "aws:FederatedProvider": self.provider,
            "aws:SourceIdentity": self.source_identity,
            **{f"aws:PrincipalTag/{key}": value for key, value in self.tags.items()},
        }
        return {key: (value,) for key, value in known.items() if value is not None}


class Sessions:
    """Remembers each session by its access key."""

    def __init__(self, companions: Companions, clock: Clock) -> None:
        self._clock = clock
        self._by_key: dict[str, SessionFacts] = {}
        companions.after_each_answer(self._note)
        companions.at_reset(self._by_key.clear)

    def context(self, access_key: str) -> Context:
        """Return the values of condition keys for a session that has begun."""
        now = self._clock.now()
        return self._by_key.get(access_key, SessionFacts(now)).context(now)

    def context_of_new(self) -> Context:
        """Return the values of condition keys for a session that begins now and is used at once."""
        now = self._clock.now()
        return SessionFacts(now).context(now)

    def _note(self, environ: WSGIEnvironment, answer: Response) -> None:
        query = query_of(environ, "sts")
        begun = _ACCESS_KEY.search(answer.get_data(as_text=True)) if query.get("Action") in _BEGINNINGS else None
        if begun:
            beginner = self._by_key.get(access_key_of(environ))
            self._by_key[begun[1]] = _facts(query, beginner, self._clock.now())


def _facts(query: Mapping[str, str], beginner: SessionFacts | None, now: datetime) -> SessionFacts:
    """Return the facts of a session that begins now. Requested tags override inherited ones."""
    inherited = dict(beginner.transitive) if beginner else {}
    tags = inherited | {
        key: query.get(f"Tags.member.{number[1]}.Value", "")
        for name, key in query.items()
        if (number := _TAG.match(name))
    }
    passed_on = {value for name, value in query.items() if name.startswith("TransitiveTagKeys.member.")}
    return SessionFacts(
        issued=now,
        with_mfa="SerialNumber" in query and "TokenCode" in query,
        provider=_provider(query),
        source_identity=query.get("SourceIdentity") or (beginner.source_identity if beginner else None),
        tags=tags,
        transitive=inherited | {key: value for key, value in tags.items() if key in passed_on},
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
