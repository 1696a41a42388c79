"""Calls of ECR's API with the permissions of a deployment, and the translation of names."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, NamedTuple

from ecr_emulator.ports.ecr_api import EcrApi, EcrCallFailed, ForwardedAccess

_KEPT = {"Key", "Value"}
_RENAMED = {
    "ImageTagMutabilityExclusionFilterType": "filterType",
    "ImageTagMutabilityExclusionFilterValue": "filter",
}
_RESTORED = {"ImageTagMutabilityExclusionFilters": {wire: name for name, wire in _RENAMED.items()}}


class EcrCalls(NamedTuple):
    """ECR's API with the permissions of a deployment."""

    api: EcrApi
    access: ForwardedAccess

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """Return the response of an operation; members that are None are left out. Raises ``EcrCallFailed``."""
        sent = {name: value for name, value in members.items() if value is not None}
        return self.api.call(operation, sent, self.access)

    def find(self, operation: str, error: str, **members: Any) -> dict[str, Any] | None:
        """Return the response of an operation, None if it fails with this error. Raises ``EcrCallFailed``."""
        try:
            return self.call(operation, **members)
        except EcrCallFailed as failure:
            if failure.code != error:
                raise
            return None


def members_of(properties: Any) -> Any:
    """Return properties of CloudFormation with the names that they have in ECR's API."""
    if isinstance(properties, dict):
        return {_wire_name(name): members_of(value) for name, value in properties.items()}
    return [members_of(each) for each in properties] if isinstance(properties, list) else properties


def properties_of(members: Any, within: str = "") -> Any:
    """Return members of ECR's API with the names that they have in CloudFormation; ``within`` names their property."""
    if isinstance(members, dict):
        names = {name: _RESTORED.get(within, {}).get(name, name[:1].upper() + name[1:]) for name in members}
        return {names[name]: properties_of(value, names[name]) for name, value in members.items()}
    return [properties_of(each, within) for each in members] if isinstance(members, list) else members


def document(value: Any) -> str | None:
    """Return a policy, which templates have as an object or as a text, as a text."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def parsed(value: str | None) -> Any:
    """Return the content of a policy; a text that is no JSON stays a text."""
    with suppress(ValueError):
        return json.loads(value or "")
    return value


def _wire_name(name: str) -> str:
    return name if name in _KEPT else _RENAMED.get(name, name[:1].lower() + name[1:])
