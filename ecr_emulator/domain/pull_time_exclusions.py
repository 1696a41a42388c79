"""Principals whose pulls leave ``lastRecordedPullTime`` alone.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-time-update-exclusions.html
"""

from __future__ import annotations

import re
from collections.abc import Collection

DOCUMENT = "pull-time-exclusions"
"""The name of the registry document that lists their ARNs."""
MAX_EXCLUSIONS = 100
"""The most exclusions of a registry."""

_ASSUMED_ROLE = re.compile(r"arn:(?P<partition>[a-z-]+):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.+")
_ROLE = re.compile(r"arn:(?P<partition>[a-z-]+):iam::(?P<account>\d{12}):role/(?:.+/)?(?P<role>[^/]+)")


def is_excluded(principal_arn: str, exclusions: Collection[str]) -> bool:
    """Whether a principal is on the list itself, or is a session of a role that is."""
    if principal_arn in exclusions:
        return True
    session = _ASSUMED_ROLE.fullmatch(principal_arn)
    if session is None:
        return False
    roles = (_ROLE.fullmatch(arn) for arn in exclusions)
    return any(role and role.groupdict() == session.groupdict() for role in roles)
