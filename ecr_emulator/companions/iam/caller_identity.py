"""The caller of a request, for operations that depend on it: moto knows no roots, and invents a user for sessions.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ecr_emulator.companions.iam.lookups import find_session, find_user
from ecr_emulator.companions.query import access_key_of, query_answer, query_error, query_of, region_of
from ecr_emulator.domain.partitions import partition_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response

_ACTION = "GetCallerIdentity"


def answer_caller_identity(environ: WSGIEnvironment, account: str) -> Response | None:
    """Answer with the principal of an access key; one that nobody issued is the root of ``account``, as in ECR."""
    if query_of(environ, "sts").get("Action") != _ACTION:
        return None
    access_key = access_key_of(environ)
    session, found = find_session(access_key), find_user(access_key)
    if session:
        user_id, arn, owner = session.user_id, session.arn, session.account
    elif found:
        user_id, arn, owner = found[0].id, found[0].arn, found[0].account_id
    else:
        user_id, arn, owner = account, f"arn:{partition_of(region_of(environ)).name}:iam::{account}:root", account
    arn, user_id = escape(arn, quote=False), escape(user_id, quote=False)
    identity = f"<Arn>{arn}</Arn><UserId>{user_id}</UserId><Account>{owner}</Account>"
    return query_answer(_ACTION, identity)


def refuse_user_of_session(environ: WSGIEnvironment, _: str) -> Response | None:
    """Refuse a request of a session for its own user, which it does not have, unless it is a user's session token."""
    query = query_of(environ, "iam")
    if query.get("Action") != "GetUser" or query.get("UserName"):
        return None
    session = find_session(access_key_of(environ))
    if session is None or ":user/" in session.arn:
        return None
    return query_error("ValidationError", "Must specify userName when calling with non-User credentials")
