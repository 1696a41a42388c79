"""The place and the permissions of a deployment, and the handlers of its resources."""

from __future__ import annotations

from typing import Any, Protocol

from ecr_emulator.companions.cloudformation.resources.ecr_calls import EcrCalls
from ecr_emulator.companions.cloudformation.stacks import Resource, Stack
from ecr_emulator.quick_dataclasses import dataclass


@dataclass(frozen=True)
class DeploymentContext:
    """A deployment of a stack: ``ecr`` calls ECR with its permissions, ``backend`` is the one that has the stack."""

    stack: Stack
    ecr: EcrCalls
    backend: Any


class Handler(Protocol):
    """Creates, updates and deletes the resources of a type. Methods that change something raise ``ResourceFailure``."""

    def prepared(self, logical_id: str, properties: dict[str, Any]) -> dict[str, Any]:
        """Return the properties that a resource is to have, checked and with the types that it needs."""

    def create(self, resource: Resource) -> None:
        """Create a resource; its physical identifier is set as soon as it exists."""

    def replaces(self, resource: Resource, properties: dict[str, Any]) -> bool:
        """Return whether a change to these properties needs another resource. Raises ``ResourceFailure``."""

    def update(self, resource: Resource, properties: dict[str, Any]) -> None:
        """Change a resource to these properties."""

    def delete(self, resource: Resource) -> None:
        """Delete a resource. A resource that does not exist any more is no failure."""

    def attribute(self, resource: Resource, name: str) -> Any:
        """Return the value of ``Fn::GetAtt``."""
