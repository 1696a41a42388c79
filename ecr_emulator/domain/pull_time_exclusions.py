"""Principals whose pulls do not update ``lastRecordedPullTime``.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-time-update-exclusions.html
"""

from __future__ import annotations

from collections.abc import Collection

from ecr_emulator.domain.principals import is_session_of

DOCUMENT = "pull-time-exclusions"
"""The name of the registry document that lists the ARNs."""
MAX_EXCLUSIONS = 100
"""Maximum number of exclusions in a registry."""


def is_excluded(principal_arn: str, exclusions: Collection[str]) -> bool:
    """Whether a principal, or the role of its session, is in the list of exclusions."""
    return principal_arn in exclusions or any(is_session_of(principal_arn, arn) for arn in exclusions)
