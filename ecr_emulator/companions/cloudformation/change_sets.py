"""Change sets: a target for a stack, and the changes that it would make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from datetime import datetime
from typing import Any

from ecr_emulator.companions.cloudformation.failures import ResourceFailure, invalid
from ecr_emulator.companions.cloudformation.resources.context import DeploymentContext
from ecr_emulator.companions.cloudformation.resources.ecr_handler import ECR_TYPES
from ecr_emulator.companions.cloudformation.resources.evaluation import Evaluation
from ecr_emulator.companions.cloudformation.resources.handlers import handler_of
from ecr_emulator.companions.cloudformation.stacks import Resource, Stack
from ecr_emulator.companions.cloudformation.templates.intrinsics import references
from ecr_emulator.companions.cloudformation.templates.target import Target
from ecr_emulator.quick_dataclasses import dataclass

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


@dataclass
class ChangeSet:
    """A change set. ``imports`` are the identifiers of the resources to import, by their logical names."""

    change_set_id: str
    name: str
    kind: str
    stack: Stack
    target: Target
    created_at: datetime
    changes: list[dict[str, Any]]
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    role_arn: str | None = None
    notification_arns: list[str] = field(default_factory=list)
    capabilities: list[str] = field(default_factory=list)
    imports: dict[str, str] = field(default_factory=dict)
    on_stack_failure: str = "ROLLBACK"
    status: str = "CREATE_COMPLETE"
    execution_status: str = "AVAILABLE"
    reason: str | None = None


def changes_of(context: DeploymentContext, target: Target, imports: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the changes that a target would make to a stack, as ``DescribeChangeSet`` lists them."""
    resources, order = context.stack.resources, target.order()
    evaluation = Evaluation(target, context, resources)
    moved: set[str] = set()
    for name in order:
        definition = target.template.resources[name]
        if name not in resources:
            moved.add(name)
            yield _change("Import" if name in imports else "Add", name, definition["Type"])
            continue
        change = _modification(resources[name], definition, evaluation, context, moved)
        if change:
            if change["Replacement"] != "False":
                moved.add(name)
            yield {"Type": "Resource", "ResourceChange": change}
    for name, resource in resources.items():
        if name not in order:
            policy = "Retain" if resource.is_kept_at_deletion else "Delete"
            yield _change("Remove", name, resource.kind, resource.physical_id, PolicyAction=policy)


def check_imports(imports: dict[str, str], target: Target, stack: Stack) -> None:
    """Raise moto's ``ValidationError`` unless these resources can be imported into a stack."""
    for name in imports:
        definition = target.template.resources.get(name)
        if definition is None:
            raise invalid(f"Resources [{name}] to import do not exist in the template")
        if definition["Type"] not in ECR_TYPES:
            raise invalid(f"This emulator imports resources of ECR only, and {name} is a {definition['Type']}.")
        if "DeletionPolicy" not in definition:
            raise invalid(f"Resources [{name}] are missing DeletionPolicy attribute required for import")
        if name in stack.resources:
            raise invalid(f"Resources [{name}] to import are in the stack already")


def _modification(
    resource: Resource, definition: dict[str, Any], evaluation: Evaluation, context: DeploymentContext, moved: set[str]
) -> dict[str, Any] | None:
    """Return the change of a resource, None if it stays as it is. ``moved`` are resources that get other names."""
    name, kind = resource.logical_id, definition["Type"]
    known = {
        "LogicalResourceId": name,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": kind,
        "Action": "Modify",
    }
    if kind != resource.kind:
        return {**known, "Replacement": "True", "Scope": ["Properties"], "Details": []}
    if any(each.name in moved for each in references(definition.get("Properties", {}), lambda _: True)):
        return {**known, "Replacement": "Conditional", "Scope": ["Properties"], "Details": []}
    replacement = "False"
    try:
        handler = handler_of(kind, context)
        properties = handler.prepared(name, evaluation.properties(definition))
        changed = [each for each in {**resource.properties, **properties} if _differs(each, properties, resource)]
        replacement = "True" if changed and handler.replaces(resource, properties) else "False"
    except ResourceFailure:
        changed, replacement = [], "Conditional"  # the execution of the change set will say why
    scope = ["Properties"] if changed or replacement == "Conditional" else []
    if definition.get("Metadata") != resource.definition.get("Metadata"):
        scope.append("Metadata")
    if not scope:
        return None
    details = [
        {
            "Target": {"Attribute": "Properties", "Name": each, "RequiresRecreation": "Never"},
            "Evaluation": "Static",
            "ChangeSource": "DirectModification",
        }
        for each in changed
    ]
    return {**known, "Replacement": replacement, "Scope": scope, "Details": details}


def _differs(name: str, properties: dict[str, Any], resource: Resource) -> bool:
    return bool(properties.get(name) != resource.properties.get(name))


def _change(action: str, name: str, kind: str, physical_id: str | None = None, **more: Any) -> dict[str, Any]:
    change = {"Action": action, "LogicalResourceId": name, "ResourceType": kind, "Scope": [], "Details": [], **more}
    if physical_id:
        change["PhysicalResourceId"] = physical_id
    return {"Type": "Resource", "ResourceChange": change}
