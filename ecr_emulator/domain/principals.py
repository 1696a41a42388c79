"""Principals of IAM, by their ARNs.

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
    """Whether a principal acts in a role. The ARN of a session has the name of its role, but not the role's path."""
    session, role = _SESSION.fullmatch(principal_arn), _ROLE.fullmatch(role_arn)
    return session is not None and role is not None and session.groupdict() == role.groupdict()


def role_of_session(principal_arn: str) -> str | None:
    """The ARN of the role that a principal acts in, as if the role had no path; None if it acts in none."""
    session = _SESSION.fullmatch(principal_arn)
    return "arn:{partition}:iam::{account}:role/{role}".format(**session.groupdict()) if session else None


def session_of_role(role_arn: str, name: str) -> str:
    """The ARN of a session of a role; the ARN of what is no role stays as it is."""
    role = _ROLE.fullmatch(role_arn)
    return "arn:{partition}:sts::{account}:assumed-role/{role}/".format(**role.groupdict()) + name if role else role_arn


def account_of(principal_arn: str) -> str | None:
    """The account that a principal belongs to; None for what is no principal of an account."""
    principal = _OF_ACCOUNT.fullmatch(principal_arn)
    return principal["account"] if principal else None
