"""The parts of the state that each operation looks at: what is due there is done before the operation."""

from __future__ import annotations

from typing import Any

from ecr_emulator.domain.names import Registry, parse_repository_arn
from ecr_emulator.domain.task import Scope
from ecr_emulator.services.background import SCANS
from ecr_emulator.services.due_work import WITHIN_REPOSITORIES

READS = ("Describe", "Get", "List", "BatchGet")
"""Beginnings of the names of operations that change nothing."""
FINDINGS = "DescribeImageScanFindings"
"""The operation that shows the results of scans."""


def looked_at(operation: str, members: dict[str, Any], registry: Registry) -> list[Scope]:
    """Return the repositories that a request names, or else its registry.

    A change of a registry's settings also waits for tasks within repositories, which must find the settings of the time
    at which they were due.
    """
    if "resourceArn" in members:
        named = parse_repository_arn(members["resourceArn"])
        return [Scope(*named, SCANS)] if named else []
    left_out = frozenset() if operation == FINDINGS else SCANS
    names = [members["repositoryName"]] if "repositoryName" in members else members.get("repositoryNames")
    if names is not None:
        return [Scope(registry, name, left_out) for name in dict.fromkeys(names)]
    return [Scope(registry, left_out=WITHIN_REPOSITORIES if operation.startswith(READS) else SCANS)]
