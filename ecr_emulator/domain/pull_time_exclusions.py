"""Principals whose pulls leave ``lastRecordedPullTime`` alone.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-time-update-exclusions.html
"""

from __future__ import annotations

from collections.abc import Collection

from ecr_emulator.domain.principals import is_session_of

DOCUMENT = "pull-time-exclusions"
"""The name of the registry document that lists their ARNs."""
MAX_EXCLUSIONS = 100
"""The most exclusions of a registry."""


def is_excluded(principal_arn: str, exclusions: Collection[str]) -> bool:
    """Whether a principal is on the list itself, or is a session of a role that is."""
    return principal_arn in exclusions or any(is_session_of(principal_arn, arn) for arn in exclusions)
