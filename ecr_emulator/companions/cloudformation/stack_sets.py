"""Stack sets: moto keeps them and their instances; this module gives the instances stacks that are brought up to date.

moto gives the instances of service-managed sets stacks of a class of its own, and does not update the stacks of any.
"""

from __future__ import annotations

from typing import Any

from moto.cloudformation.models import StackInstance, StackSet, cloudformation_backends

from ecr_emulator.companions.cloudformation.failures import NoUpdates
from ecr_emulator.companions.cloudformation.stack_backend import StackBackend
from ecr_emulator.companions.cloudformation.templates.values import text

_ORDINARY = "SELF_MANAGED"
_UNITS = "OrganizationalUnitIds"


class StackSetBackend(StackBackend):
    """Stacks and stack sets of one account and Region."""

    __module__ = StackBackend.__module__

    def create_stack_instances(
        self,
        stackset_name: str,
        accounts: list[str],
        regions: list[str],
        parameters: list[dict[str, str]],
        deployment_targets: dict[str, Any] | None,
    ) -> str:
        """Create stacks in accounts and Regions, or in the accounts of organizational units."""
        found = self.describe_stack_set(stackset_name)
        if found.permission_model != _ORDINARY and _UNITS in (deployment_targets or {}):
            given: Any = parameters or found.parameters
            found.instances.create_instances(accounts, regions, given, deployment_targets or {}, _ORDINARY)
        return super().create_stack_instances(stackset_name, accounts, regions, parameters, deployment_targets)

    def update_stack_set(self, stackset_name: str, *arguments: Any, **named: Any) -> dict[str, Any]:
        """Change a stack set, and update the stacks of its instances."""
        operation = super().update_stack_set(stackset_name, *arguments, **named)
        self._update_instances(self.describe_stack_set(stackset_name))
        return operation

    def update_stack_instances(self, stackset_name: str, *arguments: Any, **named: Any) -> dict[str, Any]:
        """Change the parameters of instances, and update their stacks."""
        operation = super().update_stack_instances(stackset_name, *arguments, **named)
        self._update_instances(self.describe_stack_set(stackset_name))
        return operation

    def _update_instances(self, stack_set: StackSet) -> None:
        for instance in stack_set.stack_instances:
            backend: Any = cloudformation_backends[instance.account_id][instance.region_name]
            try:
                backend.update_stack(instance.stack.stack_id, stack_set.template, _parameters(stack_set, instance))
            except NoUpdates:
                continue


def _parameters(stack_set: StackSet, instance: StackInstance) -> list[dict[str, str]]:
    """Return the parameters of an instance: those of the set, with the overrides of the instance."""
    overrides: Any = instance.parameters
    if isinstance(overrides, list):
        overrides = {each["ParameterKey"]: each["ParameterValue"] for each in overrides}
    values = {**stack_set.parameters, **overrides}
    return [{"ParameterKey": name, "ParameterValue": text(value)} for name, value in values.items()]
