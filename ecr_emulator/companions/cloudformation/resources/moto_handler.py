"""The handler of the resource types that moto creates."""

from __future__ import annotations

from functools import cache
from typing import Any

from moto.cloudformation.custom_model import CustomModel
from moto.cloudformation.parsing import generate_resource_name, get_model_map, resource_name_property_from_type

from ecr_emulator.companions.cloudformation.failures import ResourceFailure
from ecr_emulator.companions.cloudformation.resources.context import DeploymentContext
from ecr_emulator.companions.cloudformation.resources.moto_failures import moto_failures
from ecr_emulator.companions.cloudformation.stacks import Resource

_PLACEHOLDERS = ("AWS::SERVICE::RESOURCE", "?")
_ABSTRACT = "__isabstractmethod__"


def model_of(kind: str) -> Any | None:
    """Return the class of moto for a resource type, None if moto does not have it."""
    if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
        return CustomModel
    return _models().get(kind)


@cache
def _models() -> dict[str, Any]:
    return {kind: model for kind, model in get_model_map().items() if kind not in _PLACEHOLDERS}


class MotoHandler:
    """See ``context.Handler``. A type that moto cannot update is deleted and created again."""

    def __init__(self, kind: str, context: DeploymentContext) -> None:
        self._kind = kind
        self._model: Any = model_of(kind)
        self._stack = context.stack
        self._place = context.stack.account, context.stack.region

    def prepared(self, logical_id: str, properties: dict[str, Any]) -> dict[str, Any]:
        return properties

    def create(self, resource: Resource) -> None:
        known = {"LogicalId": resource.logical_id, "StackId": self._stack.stack_id, "ResourceType": self._kind}
        name = self._name(resource.logical_id, resource.properties)
        with moto_failures(self._kind):
            definition = _definition(resource, resource.properties)
            model = self._model.create_from_cloudformation_json(name, definition, *self._place, **known)
        self._keep(resource, model)

    def replaces(self, resource: Resource, properties: dict[str, Any]) -> bool:
        return False

    def update(self, resource: Resource, properties: dict[str, Any]) -> None:
        if hasattr(self._model.update_from_cloudformation_json, _ABSTRACT):
            before = resource.properties
            self.delete(resource)
            resource.properties, resource.physical_id = properties, ""
            try:
                self.create(resource)
            except ResourceFailure:
                resource.properties = before
                self.create(resource)
                raise
            return
        with moto_failures(self._kind):
            model = self._model.update_from_cloudformation_json(
                original_resource=resource.model,
                new_resource_name=self._name(resource.logical_id, properties),
                cloudformation_json=_definition(resource, properties),
                account_id=self._place[0],
                region_name=self._place[1],
            )
        resource.properties = properties
        self._keep(resource, model or resource.model)

    def delete(self, resource: Resource) -> None:
        with moto_failures(self._kind):
            try:
                resource.model.delete(*self._place)
            except (TypeError, AttributeError):
                if not hasattr(self._model.delete_from_cloudformation_json, _ABSTRACT):
                    definition = _definition(resource, resource.properties)
                    self._model.delete_from_cloudformation_json(resource.physical_id, definition, *self._place)

    def attribute(self, resource: Resource, name: str) -> Any:
        return resource.model.get_cfn_attribute(name)

    def _name(self, logical_id: str, properties: dict[str, Any]) -> str:
        named = resource_name_property_from_type(self._kind)
        if named and properties.get(named):
            return str(properties[named])
        return str(generate_resource_name(self._kind, self._stack.name, logical_id))

    def _keep(self, resource: Resource, model: Any) -> None:
        model.cf_resource_type = self._kind
        model.logical_resource_id = resource.logical_id
        resource.model = model
        resource.physical_id = str(model.physical_resource_id)


def _definition(resource: Resource, properties: dict[str, Any]) -> dict[str, Any]:
    """Return the definition of a resource, as moto's classes expect it."""
    return {**resource.definition, "Properties": properties}
