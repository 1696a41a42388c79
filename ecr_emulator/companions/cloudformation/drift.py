"""Drift: the differences between resources and their templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from ecr_emulator.companions.cloudformation.resources.context import DeploymentContext
from ecr_emulator.companions.cloudformation.resources.ecr_calls import parsed
from ecr_emulator.companions.cloudformation.resources.ecr_handler import ECR_TYPES, EcrHandler
from ecr_emulator.companions.cloudformation.stacks import Resource

_POLICIES = {"RepositoryPolicyText", "PolicyText", "RepositoryPolicy"}
_LIFECYCLES = {"LifecyclePolicyText", "LifecyclePolicy"}
_NOT_IN_ECR = {"EmptyOnDelete", "RegistryId"}
_KEY = "KmsKey"
"""A key may be named by its alias, and ECR describes it by its ARN."""


class ResourceDrift(NamedTuple):
    """The result for a resource. ``actual`` is None if the resource is deleted."""

    resource: Resource
    status: str
    at: datetime
    actual: dict[str, Any] | None = None
    differences: tuple[dict[str, str], ...] = ()


class StackDrift(NamedTuple):
    """The result for a stack, by the identifier of its detection."""

    detection_id: str
    stack_id: str
    at: datetime
    resources: tuple[ResourceDrift, ...]

    @property
    def drifted(self) -> int:
        """The number of resources that differ from the template."""
        return sum(each.status in ("MODIFIED", "DELETED") for each in self.resources)

    @property
    def status(self) -> str:
        """The status of the stack."""
        return "DRIFTED" if self.drifted else "IN_SYNC"


def detect(context: DeploymentContext, now: datetime, names: Collection[str] = ()) -> tuple[ResourceDrift, ...]:
    """Compare the resources of a stack, or some of them, with its template. Raises ``ResourceFailure``."""
    existing = {name: each for name, each in context.stack.resources.items() if each.physical_id}
    chosen = [each for name, each in existing.items() if not names or name in names]
    drifts = tuple(_drift(each, context, now) for each in chosen)
    for drift in drifts:
        drift.resource.drift_status = drift.status
    return drifts


def _drift(resource: Resource, context: DeploymentContext, now: datetime) -> ResourceDrift:
    if resource.kind not in ECR_TYPES:
        return ResourceDrift(resource, "NOT_CHECKED", now)
    handler = EcrHandler(resource.kind, context)
    actual = handler.current(resource)
    if actual is None:
        return ResourceDrift(resource, "DELETED", now)
    compared = {name: value for name, value in resource.properties.items() if name not in handler.write_only}
    found = tuple(_differences(compared, actual))
    return ResourceDrift(resource, "MODIFIED" if found else "IN_SYNC", now, actual, found)


def _differences(expected: dict[str, Any], actual: dict[str, Any], path: str = "") -> Iterator[dict[str, str]]:
    """Yield the properties that a template has and whose values differ."""
    for name, value in expected.items():
        found = actual.get(name)
        is_alias = name == _KEY and not str(value).startswith("arn:")
        if name in _NOT_IN_ECR or is_alias or _canonical(name, value) == _canonical(name, found):
            continue
        if isinstance(value, dict) and isinstance(found, dict) and not _is_document(name, value):
            yield from _differences(value, found, f"{path}/{name}")
            continue
        yield {
            "PropertyPath": f"{path}/{name}",
            "ExpectedValue": _shown(value),
            "ActualValue": _shown(found),
            "DifferenceType": "REMOVE" if found is None else "NOT_EQUAL",
        }


def _canonical(name: str, value: Any) -> Any:
    """Return the value of a property in a form in which the order of lists does not matter."""
    if _is_document(name, value):
        return _document(value)
    if isinstance(value, dict):
        return {key: _canonical(key, each) for key, each in value.items()}
    if isinstance(value, list):
        return sorted((_canonical(name, each) for each in value), key=json.dumps)
    return value


def _is_document(name: str, value: Any) -> bool:
    return name in _POLICIES or (name in _LIFECYCLES and isinstance(value, str))


def _document(value: Any) -> Any:
    """Return a policy as ECR writes it: a list of one item is this item."""
    return _part(parsed(value) if isinstance(value, str) else value)


def _part(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _part(each) for key, each in value.items()}
    if isinstance(value, list):
        items = sorted(map(_part, value), key=json.dumps)
        return items[0] if len(items) == 1 else items
    return value


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
