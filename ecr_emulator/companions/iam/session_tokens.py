"""GetSessionToken and GetFederationToken, to which moto gives the same keys for every caller.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.iam.lookups import add_session, find_session, find_user
from ecr_emulator.companions.iam.role_sessions import tags_of, with_mfa
from ecr_emulator.companions.iam.session import Session, SessionAttributes
from ecr_emulator.companions.iam.session_policies import (
    check_session_policies,
    packed_policy_size,
    session_policies_of,
)
from ecr_emulator.companions.query import Refused, access_key_of, query_answer, query_of, region_of
from ecr_emulator.domain.names import is_account_id
from ecr_emulator.domain.partitions import partition_of
from ecr_emulator.ports.time import Clock

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response

_HALF_A_DAY, _LEAST, _MOST, _MOST_OF_ROOT = 43200, 900, 129600, 3600
"""Durations of sessions in seconds."""
_NAME = re.compile(r"[\w+=,.@-]{2,32}", re.ASCII)
_INVALID = "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: {}"
_CREDENTIALS = (
    "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>"
    "<SessionToken>{}</SessionToken><Expiration>{:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"
)
_FEDERATED = (
    "<FederatedUser><FederatedUserId>{}</FederatedUserId><Arn>{}</Arn></FederatedUser>"
    "<PackedPolicySize>{}</PackedPolicySize>"
)


class _Issuer(NamedTuple):
    """The user or root that asks for a session, with its id."""

    account: str
    partition: str
    arn: str
    user_id: str


class SessionTokens:
    """Answers requests for temporary keys of users, of roots, and of users that they federate.

    An unknown access key belongs to the root of the emulator's account, or is refused if ``refuses_unknown_keys``.
    """

    def __init__(self, companions: Companions, clock: Clock, *, refuses_unknown_keys: bool) -> None:
        self._clock = clock
        self._refuses_unknown_keys = refuses_unknown_keys
        companions.before_each_call(self._answer)

    def _answer(self, environ: WSGIEnvironment, account: str) -> Response | None:
        query = query_of(environ, "sts")
        action = query.get("Action", "")
        if action not in ("GetSessionToken", "GetFederationToken"):
            return None
        try:
            issuer = self._issuer(environ, account, action)
            duration = _duration(query, issuer)
            if action == "GetSessionToken":
                session = self._issued(issuer, issuer.arn, issuer.user_id, duration, query)
                return query_answer(action, _credentials(session, duration))
            session = self._federated(issuer, query, duration)
            user = _FEDERATED.format(
                escape(session.user_id, quote=False), escape(session.arn, quote=False), packed_policy_size(query)
            )
            return query_answer(action, _credentials(session, duration) + user)
        except Refused as refused:
            return refused.answer

    def _issuer(self, environ: WSGIEnvironment, account: str, action: str) -> _Issuer:
        """Return the user or root that a request is from. Raises ``Refused`` for sessions."""
        access_key = access_key_of(environ)
        if find_session(access_key):
            raise Refused("AccessDenied", f"Cannot call {action} with session credentials", 403)
        found = find_user(access_key)
        partition = partition_of(region_of(environ)).name
        if found:
            return _Issuer(account, partition, found[0].arn, found[0].id)
        if self._refuses_unknown_keys and not is_account_id(access_key):
            raise Refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
        return _Issuer(account, partition, f"arn:{partition}:iam::{account}:root", account)

    def _federated(self, issuer: _Issuer, query: Mapping[str, str], duration: timedelta) -> Session:
        name = query.get("Name", "")
        if not _NAME.fullmatch(name):
            constraint = "Member must satisfy regular expression pattern: [\\w+=,.@-]*, and have 2 to 32 characters"
            raise Refused("ValidationError", _INVALID.format(name, "name", constraint))
        check_session_policies(query, issuer.account)
        arn = f"arn:{issuer.partition}:sts::{issuer.account}:federated-user/{name}"
        return self._issued(issuer, arn, f"{issuer.account}:{name}", duration, query)

    def _issued(
        self, issuer: _Issuer, arn: str, user_id: str, duration: timedelta, query: Mapping[str, str]
    ) -> Session:
        from moto.iam.models import iam_backends
        from moto.sts.utils import random_session_token

        key: Any = iam_backends[issuer.account][issuer.partition].create_temp_access_key()
        now = self._clock.now()
        session = Session(
            access_key=key.access_key_id,
            secret=key.secret_access_key,
            token=random_session_token(),
            account=issuer.account,
            partition=issuer.partition,
            arn=arn,
            user_id=user_id,
            owner=issuer.arn,
            issued=now,
            ends=now + duration,
            policies=session_policies_of(query),
            attributes=SessionAttributes(with_mfa=with_mfa(query), tags=tags_of(query)),
        )
        add_session(session)
        return session


def _duration(query: Mapping[str, str], issuer: _Issuer) -> timedelta:
    """Return the requested life of a session; that of a root's session is at most an hour."""
    given = query.get("DurationSeconds", str(_HALF_A_DAY))
    if not given.isdecimal() or not _LEAST <= int(given) <= _MOST:
        than = (
            "less than or equal to 129600"
            if given.isdecimal() and int(given) > _MOST
            else "greater than or equal to 900"
        )
        raise Refused("ValidationError", _INVALID.format(given, "durationSeconds", f"Member must have value {than}"))
    return timedelta(seconds=min(int(given), _MOST_OF_ROOT) if issuer.arn.endswith(":root") else int(given))


def _credentials(session: Session, duration: timedelta) -> str:
    """Return the keys of a session as XML. Clients compare the expiration with the machine's time."""
    from moto.core.utils import utcnow

    return _CREDENTIALS.format(session.access_key, session.secret, session.token, utcnow() + duration)
