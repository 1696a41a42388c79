"""The values of a target over the resources of a stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.core.exceptions import ServiceException

from ecr_emulator.companions.cloudformation.failures import ResourceFailure, invalid
from ecr_emulator.companions.cloudformation.resources.context import DeploymentContext
from ecr_emulator.companions.cloudformation.resources.dynamic_references import replace_dynamic_references
from ecr_emulator.companions.cloudformation.resources.handlers import handler_of
from ecr_emulator.companions.cloudformation.stacks import Resource
from ecr_emulator.companions.cloudformation.templates.target import Target
from ecr_emulator.companions.cloudformation.templates.template import Template
from ecr_emulator.companions.cloudformation.templates.values import Values, text


class Evaluation:
    """Evaluates properties and outputs."""

    def __init__(self, target: Target, context: DeploymentContext, resources: Mapping[str, Resource]) -> None:
        self._context = context
        self._resources = resources
        self._values: Values = target.values(self._refer, self._attribute, self._imported)

    def properties(self, definition: dict[str, Any]) -> dict[str, Any]:
        """Return the properties of a resource. Raises ``ResourceFailure`` if a value does not exist."""
        stack = self._context.stack
        try:
            resolved = self._values.resolve(definition.get("Properties")) or {}
            if not isinstance(resolved, dict):
                raise ResourceFailure("Template format error: Properties must be an object.")
            found: dict[str, Any] = replace_dynamic_references(resolved, stack.account, stack.region)
        except ServiceException as failure:
            raise ResourceFailure(str(failure.message)) from failure
        return found

    def outputs(self, template: Template) -> list[dict[str, Any]]:
        """Return the outputs as ``DescribeStacks`` lists them. Raises ``ResourceFailure`` if a value does not exist."""
        try:
            return self._outputs(template)
        except ServiceException as failure:
            raise ResourceFailure(str(failure.message)) from failure

    def _outputs(self, template: Template) -> list[dict[str, Any]]:
        shown = []
        for name, output in template.shown_outputs(self._values.decide).items():
            entry = {"OutputKey": name, "OutputValue": text(self._values.resolve(output["Value"]))}
            if output.get("Description"):
                entry["Description"] = output["Description"]
            if output.get("Export"):
                entry["ExportName"] = text(self._values.resolve(output["Export"]["Name"]))
            shown.append(entry)
        return shown

    def _refer(self, name: str) -> str:
        return self._resources[name].physical_id

    def _attribute(self, name: str, attribute: str) -> Any:
        resource = self._resources[name]
        try:
            return handler_of(resource.kind, self._context).attribute(resource, attribute)
        except Exception as unknown:
            kind = resource.kind
            raise invalid(
                f"Template error: resource {name} of type {kind} does not support attribute type {attribute} "
                "in Fn::GetAtt"
            ) from unknown

    def _imported(self, name: str) -> Any:
        export = self._context.backend.exports.get(name)
        if export is None:
            raise invalid(f"No export named {name} found.")
        self._context.stack.imports.add(name)
        return export.value
