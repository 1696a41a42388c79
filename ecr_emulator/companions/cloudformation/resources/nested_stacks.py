"""The resource type ``AWS::CloudFormation::Stack``."""

from __future__ import annotations

from typing import Any

from moto.cloudformation.utils import get_stack_from_s3_url
from moto.utilities.utils import get_partition

from ecr_emulator.companions.cloudformation.failures import ResourceFailure
from ecr_emulator.companions.cloudformation.resources.context import DeploymentContext
from ecr_emulator.companions.cloudformation.resources.names import generated_name
from ecr_emulator.companions.cloudformation.stacks import Resource, Stack
from ecr_emulator.companions.cloudformation.templates.values import text

_MAX_NAME = 128
_OUTPUTS = "Outputs."


class NestedStackHandler:
    """See ``context.Handler``."""

    def __init__(self, context: DeploymentContext) -> None:
        self._parent = context.stack
        self._backend = context.backend

    def prepared(self, logical_id: str, properties: dict[str, Any]) -> dict[str, Any]:
        return properties

    def create(self, resource: Resource) -> None:
        name = generated_name(self._parent, resource.logical_id, _MAX_NAME)
        stack = self._deploy(self._backend.create_nested_stack, self._parent, name, resource.properties)
        resource.physical_id = stack.stack_id
        self._check(resource, stack, "CREATE_COMPLETE", "created")

    def replaces(self, resource: Resource, properties: dict[str, Any]) -> bool:
        return False

    def update(self, resource: Resource, properties: dict[str, Any]) -> None:
        stack = self._deploy(self._backend.update_nested_stack, self._parent, resource.physical_id, properties)
        self._check(resource, stack, ("CREATE_COMPLETE", "UPDATE_COMPLETE"), "updated")
        resource.properties = properties

    def delete(self, resource: Resource) -> None:
        stack = self._backend.delete_nested_stack(self._parent, resource.physical_id)
        self._check(resource, stack, "DELETE_COMPLETE", "deleted")

    def attribute(self, resource: Resource, name: str) -> Any:
        stack = self._backend.get_stack(resource.physical_id)
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.outputs}
        return outputs[name.removeprefix(_OUTPUTS)]

    def _deploy(self, deploy: Any, parent: Stack, name: str, properties: dict[str, Any]) -> Stack:
        from moto.core.exceptions import ServiceException
        from werkzeug.exceptions import HTTPException

        partition = get_partition(parent.region)
        try:
            template = get_stack_from_s3_url(properties["TemplateURL"], parent.account, partition)
        except (ServiceException, HTTPException, KeyError, ValueError, AttributeError) as failure:
            raise ResourceFailure(
                f"TemplateURL must reference a valid S3 object: {properties.get('TemplateURL')}"
            ) from failure
        parameters = {key: text(value) for key, value in (properties.get("Parameters") or {}).items()}
        tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", ())}
        try:
            stack: Stack = deploy(parent, name, template, parameters, {**parent.tags, **tags})
        except ServiceException as refused:
            raise ResourceFailure(str(refused.message)) from refused
        return stack

    def _check(self, resource: Resource, stack: Stack, wanted: str | tuple[str, ...], done: str) -> None:
        if stack.status not in wanted:
            reason = next((each.reason for each in stack.events[::-1] if each.status.endswith("_FAILED")), stack.reason)
            raise ResourceFailure(f"Embedded stack {stack.stack_id} was not successfully {done}: {reason}")
