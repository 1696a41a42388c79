"""Principals of IAM and their ARNs.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
"""

from __future__ import annotations

import re

_SESSION = re.compile(
    r"arn:(?P<partition>[a-z-]+):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.+", re.ASCII | re.DOTALL
)
_ROLE = re.compile(
    r"arn:(?P<partition>[a-z-]+):iam::(?P<account>\d{12}):role/(?:.+/)?(?P<role>[^/]+)", re.ASCII | re.DOTALL
)
_OF_ACCOUNT = re.compile(r"arn:[a-z-]+:(?:iam|sts)::(?P<account>\d{12}):.+", re.ASCII | re.DOTALL)


def is_session_of(principal_arn: str, role_arn: str) -> bool:
    """Whether a principal is a session of a role. The ARN of a session has the name of the role, but not its path."""
    session, role = _SESSION.fullmatch(principal_arn), _ROLE.fullmatch(role_arn)
    return session is not None and role is not None and session.groupdict() == role.groupdict()


def role_of_session(principal_arn: str) -> str | None:
    """Return the ARN of a session's role, without the role's path; None if the principal is not a session."""
    session = _SESSION.fullmatch(principal_arn)
    return "arn:{partition}:iam::{account}:role/{role}".format(**session.groupdict()) if session else None


def session_of_role(role_arn: str, name: str) -> str:
    """Return the ARN of a role session with this name; an ARN that is not a role's is returned unchanged."""
    role = _ROLE.fullmatch(role_arn)
    return "arn:{partition}:sts::{account}:assumed-role/{role}/".format(**role.groupdict()) + name if role else role_arn


def account_of(principal_arn: str) -> str | None:
    """Return the account of a principal; None if the ARN is not that of a principal in an account."""
    principal = _OF_ACCOUNT.fullmatch(principal_arn)
    return principal["account"] if principal else None
