"""Limits that moto takes and forgets: where policies decide, they are refused, lest somebody may too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_emulator.companions.query import query_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_FORGOTTEN = {
    "CreateUser": ("PermissionsBoundary", "a permissions boundary of a user; use a role with one"),
    "AssumeRole": ("PolicyArns.", "managed policies of a session; use Policy"),
    "AssumeRoleWithWebIdentity": ("PolicyArns.", "managed policies of a session; use Policy"),
    "AssumeRoleWithSAML": ("Policy", "policies of a session that SAML began; use AssumeRole"),
}
"""The operations, the members that limit something, by how their names begin, and what that is."""


def refuse_forgotten_limits(environ: WSGIEnvironment, _: str) -> None:
    """Raise ``NotImplementedError`` for a request that gives a limit which would not hold."""
    query = query_of(environ, "iam") or query_of(environ, "sts")
    member, what = _FORGOTTEN.get(query.get("Action", ""), ("", ""))
    if member and any(name.startswith(member) for name in query):
        raise NotImplementedError(f"{query['Action']} would not keep {what}.")
