"""moto's CloudFormation with stacks and change sets of our own."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import field, replace
from typing import Any

from moto.cloudformation.utils import generate_changeset_id, validate_create_change_set
from moto.moto_api._internal import mock_random

from ecr_emulator.companions.cloudformation.change_sets import NO_CHANGES, ChangeSet, changes_of, check_imports
from ecr_emulator.companions.cloudformation.drift import ResourceDrift, StackDrift, detect
from ecr_emulator.companions.cloudformation.failures import (
    ChangeSetNotFound,
    InvalidChangeSetStatus,
    ResourceFailure,
    exists,
    invalid,
)
from ecr_emulator.companions.cloudformation.stack_backend import StackOptions, given_parameters
from ecr_emulator.companions.cloudformation.stack_sets import StackSetBackend
from ecr_emulator.companions.cloudformation.stacks import Stack
from ecr_emulator.companions.cloudformation.templates.target import Target
from ecr_emulator.quick_dataclasses import dataclass

REVIEW = "REVIEW_IN_PROGRESS"
COMPARABLE = {
    "CREATE_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_FAILED",
}
"""States of a stack in which CloudFormation detects drift.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""


@dataclass(frozen=True)
class ChangeSetRequest:
    """A request to create a change set. Without ``template``, the stack keeps the one that it has.

    ``kind`` is ``CREATE``, ``UPDATE`` or ``IMPORT``; ``imports`` are the resources to import.
    """

    kind: str
    template: str | None
    parameters: list[dict[str, Any]] = field(default_factory=list)
    options: StackOptions = field(default_factory=StackOptions)
    imports: list[dict[str, Any]] = field(default_factory=list)
    description: str | None = None


class Backend(StackSetBackend):
    """Stacks, stack sets and change sets of one account and Region."""

    __module__ = StackSetBackend.__module__

    @property
    def _url_module(self) -> Any:
        from ecr_emulator.companions.cloudformation.responses import url_module

        return url_module()

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.drifts: dict[str, StackDrift] = {}

    def detect_drift(self, name: str, resources: list[str]) -> StackDrift:
        """Compare the resources of a stack, or some of them, with its template."""
        stack, now = self.get_stack(name), self.callers.now()
        missing = [each for each in resources if each not in stack.resources]
        if missing:
            raise invalid(f"Resource {missing[0]} does not exist for stack {stack.name}")
        if stack.status not in COMPARABLE:
            raise invalid(f"Drift detection is not allowed for stack {stack.name} in state {stack.status}")
        try:
            found = detect(self._context(stack), now, resources)
        except ResourceFailure as failure:
            raise invalid(failure.reason) from failure
        drift = StackDrift(str(mock_random.uuid4()), stack.stack_id, now, found)
        if not resources:
            stack.drift_status, stack.drift_checked_at = drift.status, now
        self.drifts[drift.detection_id] = drift
        return drift

    def find_drift(self, detection_id: str) -> StackDrift:
        """Return the result of a detection."""
        if detection_id not in self.drifts:
            raise invalid(f"Stack drift detection {detection_id} does not exist")
        return self.drifts[detection_id]

    def last_drifts(self, stack: Stack) -> list[ResourceDrift]:
        """Return the last result for each resource of a stack."""
        found = [drift for each in self.drifts.values() if each.stack_id == stack.stack_id for drift in each.resources]
        return list({each.resource.logical_id: each for each in found}.values())

    def create_change_set(  # type: ignore[override]
        self, stack_name: str, name: str, request: ChangeSetRequest
    ) -> ChangeSet:
        """Create a change set, and a stack without resources for one that creates a stack."""
        validate_create_change_set(name)
        stack = self._stack_for_change(stack_name, name, request)
        if any(each.name == name for each in self.change_sets_of(stack)):
            raise exists(f"ChangeSet {name} already exists")
        before = stack.target
        template = self._required_target(stack).template.text if request.template is None else request.template
        target = self._target(stack, template, given_parameters(request.parameters, before))
        made = self._change_set(stack, name, request, target)
        if request.kind == "UPDATE" and before and before.is_like(target) and made.tags == stack.tags:
            made.status, made.execution_status, made.reason = "FAILED", "UNAVAILABLE", NO_CHANGES
        self.stacks.setdefault(stack.stack_id, stack)  # type: ignore[arg-type]
        self.change_sets[made.change_set_id] = made  # type: ignore[assignment]
        return made

    def _change_set(self, stack: Stack, name: str, request: ChangeSetRequest, target: Target) -> ChangeSet:
        options = request.options
        tags = stack.tags if options.tags is None else options.tags
        imports = {
            each["LogicalResourceId"]: next(iter(each["ResourceIdentifier"].values())) for each in request.imports
        }
        check_imports(imports, target, stack)
        return ChangeSet(
            change_set_id=generate_changeset_id(name, self.region_name, self.account_id),
            name=name,
            kind=request.kind,
            stack=stack,
            target=target,
            created_at=self.callers.now(),
            changes=list(changes_of(self._context(replace(stack, tags=tags)), target, imports)),
            description=request.description,
            tags=tags,
            role_arn=options.role_arn or stack.role_arn,
            notification_arns=options.notification_arns or stack.notification_arns,
            capabilities=options.capabilities or [],
            imports=imports,
            on_stack_failure=options.on_failure,
        )

    def find_change_set(self, name: str, stack_name: str | None) -> ChangeSet:
        """Return a change set by its ARN, or by its name and its stack."""
        for each in self._change_sets():
            if each.change_set_id == name:
                return each
            if each.name == name and stack_name in (None, each.stack.name, each.stack.stack_id):
                return each
        raise ChangeSetNotFound(name)

    def execute_change_set(  # type: ignore[override]
        self, name: str, stack_name: str | None, *, keep_failed: bool = False
    ) -> None:
        """Bring the stack of a change set to its target."""
        change_set = self.find_change_set(name, stack_name)
        stack = change_set.stack
        if change_set.execution_status != "AVAILABLE":
            raise InvalidChangeSetStatus(
                f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current execution "
                f"status of [{change_set.execution_status}]"
            )
        change_set.execution_status = "EXECUTE_IN_PROGRESS"
        options = StackOptions(
            change_set.tags, change_set.role_arn, change_set.notification_arns, change_set.capabilities
        )
        self._take_options(stack, options)
        deployment = self._deployment(stack, change_set.target)
        if change_set.kind == "CREATE":
            deployment.create("DO_NOTHING" if keep_failed else change_set.on_stack_failure)
        elif change_set.kind == "IMPORT":
            deployment.adopt(change_set.imports)
        else:
            deployment.update(keep_failed=keep_failed)
        failed = stack.status.endswith("FAILED") or "ROLLBACK" in stack.status
        change_set.execution_status = "EXECUTE_FAILED" if failed else "EXECUTE_COMPLETE"
        for each in self._change_sets():
            if each.stack is stack and each is not change_set:
                del self.change_sets[each.change_set_id]
        if stack.is_deleted:
            self._bury(stack)

    def delete_change_set(self, name: str, stack_name: str | None = None) -> None:
        """Delete a change set if it exists, and leave its stack as it is."""
        with suppress(ChangeSetNotFound):
            del self.change_sets[self.find_change_set(name, stack_name).change_set_id]

    def change_sets_of(self, stack: Stack) -> list[ChangeSet]:
        """Return the change sets of a stack."""
        return [each for each in self._change_sets() if each.stack is stack]

    def _change_sets(self) -> list[ChangeSet]:
        return list(self.change_sets.values())  # type: ignore[arg-type]

    def _stack_for_change(self, stack_name: str, name: str, request: ChangeSetRequest) -> Stack:
        kind, found = request.kind, self._live(stack_name)
        if kind == "UPDATE" or (kind == "IMPORT" and found and found.status != REVIEW):
            return self._updatable(stack_name)
        if found is None:
            stack = self._new_stack(stack_name, request.options)
            self._reporter(stack).stack(REVIEW, "User Initiated")
            return stack
        if found.status != REVIEW:
            raise invalid(
                f"Stack [{stack_name}] already exists and cannot be created again with the changeSet [{name}]."
            )
        return found
