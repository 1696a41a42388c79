"""Roles that a request asks ECR to assume."""

from __future__ import annotations

import re
from typing import Any

from ecr_emulator.domain.names import Registry
from ecr_emulator.errors import InvalidParameterException

_ROLE_ARN = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>[0-9]{12}):role/[\w+=,.@/-]+", re.ASCII)


def read_custom_role(members: dict[str, Any], registry: Registry) -> str | None:
    """Return the ARN of the role in a request, None if it names no role.

    Raises ``InvalidParameterException`` unless the role is in the account of the registry.
    """
    arn: str = members.get("customRoleArn", "")
    if not arn:
        return None
    match = _ROLE_ARN.fullmatch(arn)
    if match is None:
        raise InvalidParameterException.at("customRoleArn", "Invalid ARN")
    if (match["partition"], match["account"]) != (registry.partition, registry.id):
        raise InvalidParameterException.at(
            "customRoleArn", "The role must be in the same account as the registry that you are configuring"
        )
    return arn
