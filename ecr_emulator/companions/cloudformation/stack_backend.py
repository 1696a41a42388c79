"""moto's CloudFormation with stacks of our own: moto keeps stack sets and the policies of stacks."""

from __future__ import annotations

from typing import Any

from moto.cloudformation.models import CloudFormationBackend
from moto.cloudformation.utils import generate_stack_id

from ecr_emulator.companions.cloudformation.callers import StackCallers
from ecr_emulator.companions.cloudformation.deployment import Deployment
from ecr_emulator.companions.cloudformation.exports import Exports
from ecr_emulator.companions.cloudformation.failures import NoUpdates, ResourceFailure, exists, invalid
from ecr_emulator.companions.cloudformation.notifications import publish
from ecr_emulator.companions.cloudformation.resources.context import DeploymentContext
from ecr_emulator.companions.cloudformation.resources.dynamic_references import stored_parameter
from ecr_emulator.companions.cloudformation.stacks import Reporter, Stack
from ecr_emulator.companions.cloudformation.target_checks import check_target
from ecr_emulator.companions.cloudformation.templates.parameters import parameter_values
from ecr_emulator.companions.cloudformation.templates.target import Target
from ecr_emulator.companions.cloudformation.templates.template import Template
from ecr_emulator.companions.cloudformation.templates.values import text
from ecr_emulator.quick_dataclasses import dataclass

_UPDATABLE = (
    "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE",
    "UPDATE_FAILED", "CREATE_FAILED",
)  # fmt: skip


@dataclass(frozen=True)
class StackOptions:
    """The options of a request to create or update a stack."""

    tags: dict[str, str] | None = None
    role_arn: str | None = None
    notification_arns: list[str] | None = None
    capabilities: list[str] | None = None
    on_failure: str = "ROLLBACK"
    enable_termination_protection: bool = False
    timeout_in_minutes: int | None = None
    policy: str = ""
    parent_id: str | None = None


NO_OPTIONS = StackOptions()


class StackBackend(CloudFormationBackend):
    """Stacks of one account and Region. ``callers`` is set by the class that an emulator makes of this one."""

    callers: StackCallers
    __module__ = CloudFormationBackend.__module__  # moto finds the addresses of a service by the module of its backend

    # --- Stacks ------------------------------------------------------------------------------------------

    def create_stack(  # type: ignore[override]
        self, name: str, template: str, parameters: dict[str, Any], options: StackOptions = NO_OPTIONS, **_: Any
    ) -> Stack:
        """Create a stack and its resources. A failure of a resource is in the status of the stack."""
        if self._live(name):
            raise exists(f"Stack [{name}] already exists")
        stack = self._new_stack(name, options)
        target = self._target(stack, template, parameters)
        self._context(stack)
        self.stacks[stack.stack_id] = stack  # type: ignore[assignment]
        self._deployment(stack, target).create("DO_NOTHING" if stack.disable_rollback else options.on_failure)
        if stack.is_deleted:
            self._bury(stack)
        return stack

    def update_stack(  # type: ignore[override]
        self,
        name: str,
        template: str | None,
        parameters: list[dict[str, Any]],
        options: StackOptions = NO_OPTIONS,
        *,
        keep_failed: bool = False,
    ) -> Stack:
        """Update a stack. Without ``template``, it keeps the one that it has."""
        stack = self._updatable(name)
        before = self._required_target(stack)
        target = self._target(stack, template or before.template.text, given_parameters(parameters, before))
        tags = stack.tags if options.tags is None else options.tags
        if before.is_like(target) and tags == stack.tags:
            raise NoUpdates
        self._take_options(stack, options)
        self._deployment(stack, target).update(keep_failed=keep_failed)
        return stack

    def delete_stack(
        self, name_or_stack_id: str, retained: list[str] | None = None, role_arn: str | None = None
    ) -> None:
        """Delete a stack; nothing happens if it does not exist."""
        stack = self._live(name_or_stack_id)
        if stack is None:
            return
        if stack.enable_termination_protection:
            raise invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        self._delete(stack, retained or [], role_arn)

    def get_stack(self, name_or_stack_id: str) -> Stack:  # type: ignore[override]
        """Return a stack by its name, or by its identifier even if it is deleted."""
        stack = self._live(name_or_stack_id) or self.deleted_stacks.get(name_or_stack_id)
        if stack is None:
            raise invalid(f"Stack with id {name_or_stack_id} does not exist")
        return stack  # type: ignore[return-value]

    def create_nested_stack(
        self, parent: Stack, name: str, template: str, parameters: dict[str, str], tags: dict[str, str]
    ) -> Stack:
        """Create a stack that is a resource of another one."""
        options = StackOptions(tags=tags, role_arn=parent.role_arn, parent_id=parent.stack_id)
        return self.create_stack(name, template, parameters, options)

    def update_nested_stack(
        self, parent: Stack, stack_id: str, template: str, parameters: dict[str, str], tags: dict[str, str]
    ) -> Stack:
        """Update a stack that is a resource of another one."""
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        try:
            return self.update_stack(stack_id, template, given, StackOptions(tags=tags, role_arn=parent.role_arn))
        except NoUpdates:
            return self.get_stack(stack_id)

    def delete_nested_stack(self, parent: Stack, stack_id: str) -> Stack:
        """Delete a stack that is a resource of another one."""
        self.delete_stack(stack_id, role_arn=parent.role_arn)
        return self.get_stack(stack_id)

    def complete(self, stack: Stack) -> None:
        """Complete a stack whose custom resources are ready."""
        if stack.status == "CREATE_IN_PROGRESS" and not stack.is_waiting:
            self._reporter(stack).stack("CREATE_COMPLETE")

    @property
    def stack_exports(self) -> Exports:
        """The exports of the stacks."""
        return Exports(self.exports, self._stacks())

    # --- Parts -------------------------------------------------------------------------------------------

    def _stacks(self) -> list[Stack]:
        return list(self.stacks.values())  # type: ignore[arg-type]

    def _live(self, name_or_stack_id: str) -> Stack | None:
        return next((each for each in self._stacks() if name_or_stack_id in (each.name, each.stack_id)), None)

    def _updatable(self, name: str) -> Stack:
        stack = self.get_stack(name)
        if stack.status not in _UPDATABLE:
            raise invalid(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")
        return stack

    def _new_stack(self, name: str, options: StackOptions) -> Stack:
        stack_id = generate_stack_id(name, self.region_name, self.account_id)
        stack = Stack(
            stack_id, name, self.account_id, self.region_name, self.callers.now(), parent_id=options.parent_id
        )
        self._take_options(stack, options)
        stack.enable_termination_protection = options.enable_termination_protection
        stack.timeout_in_minutes, stack.policy = options.timeout_in_minutes, options.policy
        stack.disable_rollback = options.on_failure == "DO_NOTHING"
        return stack

    def _take_options(self, stack: Stack, options: StackOptions) -> None:
        stack.tags = stack.tags if options.tags is None else options.tags
        stack.role_arn = options.role_arn or stack.role_arn
        stack.capabilities = options.capabilities or stack.capabilities
        if options.notification_arns is not None:
            stack.notification_arns = options.notification_arns

    def _target(self, stack: Stack, template_text: str, given: dict[str, Any]) -> Target:
        """Return the target of a stack, checked as far as that is possible without creating anything."""
        template = Template.of(template_text)
        texts = {name: text(value) for name, value in given.items()}
        values = parameter_values(template.parameters, texts, self._stored_parameter)
        names = {
            **values,
            "AWS::AccountId": self.account_id,
            "AWS::Region": self.region_name,
            "AWS::StackId": stack.stack_id,
            "AWS::StackName": stack.name,
            "AWS::Partition": self.partition,
            "AWS::URLSuffix": "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com",
            "AWS::NotificationARNs": stack.notification_arns,
        }
        target = Target(template, texts, values, names)
        check_target(target)
        return target

    def _required_target(self, stack: Stack) -> Target:
        if stack.target is None:
            raise invalid(f"Stack [{stack.name}] has no template yet")
        return stack.target

    def _stored_parameter(self, name: str) -> str:
        try:
            return stored_parameter(name, self.account_id, self.region_name)
        except ResourceFailure as failure:
            raise invalid(failure.reason) from failure

    def _context(self, stack: Stack) -> DeploymentContext:
        return DeploymentContext(stack, self.callers.ecr_for(stack), self)

    def _reporter(self, stack: Stack) -> Reporter:
        return Reporter(stack, self.callers.now, publish)

    def _deployment(self, stack: Stack, target: Target) -> Deployment:
        return Deployment(self._context(stack), target, self._reporter(stack))

    def _delete(self, stack: Stack, retained: list[str], role_arn: str | None) -> None:
        stack.role_arn = role_arn or stack.role_arn
        try:
            self.stack_exports.remove(stack)
        except ResourceFailure as failure:
            self._reporter(stack).stack("DELETE_FAILED", failure.reason)
            return
        if stack.target is None:
            self._reporter(stack).stack("DELETE_COMPLETE")
        else:
            self._deployment(stack, stack.target).delete(retained)
        if stack.is_deleted:
            self._bury(stack)

    def _bury(self, stack: Stack) -> None:
        """Keep a deleted stack as a record, which can be found by its identifier."""
        self.stacks.pop(stack.stack_id, None)
        self.deleted_stacks[stack.stack_id] = stack  # type: ignore[assignment]
        for name, each in list(self.change_sets.items()):
            if each.stack is stack:  # type: ignore[comparison-overlap]
                del self.change_sets[name]


def given_parameters(parameters: list[dict[str, Any]], before: Target | None) -> dict[str, str]:
    """Return the parameters of a request; ``UsePreviousValue`` keeps the value that the stack has."""
    given = {}
    for each in parameters:
        name = each["ParameterKey"]
        if not each.get("UsePreviousValue"):
            given[name] = text(each.get("ParameterValue"))
        elif each.get("ParameterValue"):
            raise invalid(
                f"Invalid input for parameter key {name}. "
                "Cannot specify usePreviousValue as true and non empty value for a parameter"
            )
        elif before and name in before.given:
            given[name] = before.given[name]
    return given
