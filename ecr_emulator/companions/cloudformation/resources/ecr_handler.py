"""The handler of the resource types of ECR."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ecr_emulator.companions.cloudformation.failures import ResourceFailure
from ecr_emulator.companions.cloudformation.resources.context import DeploymentContext
from ecr_emulator.companions.cloudformation.resources.ecr_repositories import Repository
from ecr_emulator.companions.cloudformation.resources.ecr_types import (
    PREFIX,
    EcrType,
    PullThroughCacheRule,
    PullTimeUpdateExclusion,
    RegistryPolicy,
    RegistryScanningConfiguration,
    ReplicationConfiguration,
    RepositoryCreationTemplate,
    SigningConfiguration,
)
from ecr_emulator.companions.cloudformation.resources.names import generated_name
from ecr_emulator.companions.cloudformation.resources.schemas import schema_of
from ecr_emulator.companions.cloudformation.stacks import Resource
from ecr_emulator.ports.ecr_api import EcrCallFailed

ECR_TYPES: dict[str, EcrType] = {
    f"{PREFIX}PullThroughCacheRule": PullThroughCacheRule(),
    f"{PREFIX}PullTimeUpdateExclusion": PullTimeUpdateExclusion(),
    f"{PREFIX}RegistryPolicy": RegistryPolicy(),
    f"{PREFIX}RegistryScanningConfiguration": RegistryScanningConfiguration(),
    f"{PREFIX}ReplicationConfiguration": ReplicationConfiguration(),
    f"{PREFIX}Repository": Repository(),
    f"{PREFIX}RepositoryCreationTemplate": RepositoryCreationTemplate(),
    f"{PREFIX}SigningConfiguration": SigningConfiguration(),
}
_REPOSITORY = f"{PREFIX}Repository"
_NAME = "RepositoryName"
_REGISTRY = "RegistryId"
_MAX_NAME = 256


class EcrHandler:
    """See ``context.Handler``."""

    def __init__(self, kind: str, context: DeploymentContext) -> None:
        self._kind = kind
        self._type = ECR_TYPES[kind]
        self._schema = schema_of(kind)
        self._stack = context.stack
        self._ecr = context.ecr

    def prepared(self, logical_id: str, properties: dict[str, Any]) -> dict[str, Any]:
        checked = self._schema.checked(logical_id, properties)
        if self._kind != _REPOSITORY:
            return checked
        tags = {**self._stack.tags, **{tag["Key"]: tag["Value"] for tag in checked.get("Tags", ())}}
        if tags:
            checked["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        return checked

    def create(self, resource: Resource) -> None:
        wanted = self._named(resource, resource.properties)
        identifier = self._identifier(wanted)
        with self._failing(identifier):
            if self._schema.identifier == _REGISTRY and self._type.find(self._ecr, identifier) is not None:
                raise ResourceFailure.already_exists(self._kind, identifier)
            resource.attributes = self._type.create(self._ecr, wanted)
            resource.physical_id = identifier
            self._type.complete(self._ecr, wanted)

    def adopt(self, resource: Resource, identifier: str) -> None:
        """Import a resource that exists."""
        with self._failing(identifier):
            found = self._type.find(self._ecr, identifier)
        if found is None:
            raise ResourceFailure.not_found(self._kind, identifier)
        resource.physical_id = identifier
        resource.attributes = {name: found[name] for name in self._schema.read_only if name in found}

    def current(self, resource: Resource) -> dict[str, Any] | None:
        """Return the properties that a resource has now, None if it does not exist."""
        with self._failing(resource.physical_id):
            return self._type.find(self._ecr, resource.physical_id)

    def replaces(self, resource: Resource, properties: dict[str, Any]) -> bool:
        old, identifier = resource.properties, self._schema.identifier
        if identifier not in properties and identifier in old:
            return True
        changed = {name for name in self._schema.create_only if name in properties or name != identifier}
        if all(properties.get(name) == self._value(resource, name) for name in changed):
            return False
        if properties.get(identifier) == resource.physical_id:
            raise ResourceFailure(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {self._stack.name}/{resource.physical_id} and update the stack again."
            )
        return True

    def update(self, resource: Resource, properties: dict[str, Any]) -> None:
        with self._failing(resource.physical_id):
            changed = self._type.update(self._ecr, self._named(resource, properties), resource.properties)
        resource.properties = properties
        resource.attributes = {**resource.attributes, **changed}

    def delete(self, resource: Resource) -> None:
        try:
            self._type.delete(self._ecr, resource.physical_id, resource.properties)
        except EcrCallFailed as failure:
            if "NotFound" not in failure.code:
                raise ResourceFailure.of_ecr(failure) from failure

    @property
    def write_only(self) -> frozenset[str]:
        """The properties that cannot be read."""
        return self._schema.write_only

    def attribute(self, resource: Resource, name: str) -> Any:
        return resource.attributes[name]

    def _value(self, resource: Resource, name: str) -> Any:
        generated = name == self._schema.identifier and name not in resource.properties
        return resource.physical_id if generated else resource.properties.get(name)

    def _named(self, resource: Resource, properties: dict[str, Any]) -> dict[str, Any]:
        """Return properties of a resource with the name that CloudFormation generates if they have none."""
        if self._kind != _REPOSITORY or _NAME in properties:
            return properties
        name = resource.physical_id or generated_name(self._stack, resource.logical_id, _MAX_NAME).lower()
        return {_NAME: name, **properties}

    def _identifier(self, wanted: dict[str, Any]) -> str:
        if self._schema.identifier == _REGISTRY:
            return self._stack.account
        if self._schema.identifier not in wanted:
            message = f"Model validation failed (#: required key [{self._schema.identifier}] not found)"
            raise ResourceFailure.of_handler(message, "InvalidRequest")
        return str(wanted[self._schema.identifier])

    @contextmanager
    def _failing(self, identifier: str) -> Iterator[None]:
        try:
            yield
        except EcrCallFailed as failure:
            if "AlreadyExists" in failure.code:
                raise ResourceFailure.already_exists(self._kind, identifier) from failure
            raise ResourceFailure.of_ecr(failure) from failure
