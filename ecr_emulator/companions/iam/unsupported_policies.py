"""Policies that limit users and sessions but that moto drops. They are refused when permissions are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_emulator.companions.query import query_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_UNSUPPORTED = {
    "CreateUser": ("PermissionsBoundary", "a permissions boundary of a user; use a role with one"),
    "AssumeRole": ("PolicyArns.", "managed policies of a session; use Policy"),
    "AssumeRoleWithWebIdentity": ("PolicyArns.", "managed policies of a session; use Policy"),
    "AssumeRoleWithSAML": ("Policy", "policies of a session that SAML began; use AssumeRole"),
}
"""For each operation, the prefixes of the parameters that moto would drop, and their meaning."""


def refuse_unsupported_policies(environ: WSGIEnvironment, _: str) -> None:
    """Raise ``NotImplementedError`` for a request with a policy that would have no effect."""
    query = query_of(environ, "iam") or query_of(environ, "sts")
    member, what = _UNSUPPORTED.get(query.get("Action", ""), ("", ""))
    if member and any(name.startswith(member) for name in query):
        raise NotImplementedError(f"{query['Action']} would not keep {what}.")
