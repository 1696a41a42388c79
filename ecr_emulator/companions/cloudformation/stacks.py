"""Stacks, their resources and their events."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import field
from datetime import datetime
from typing import Any, NamedTuple

from moto.moto_api._internal import mock_random

from ecr_emulator.companions.cloudformation.templates.target import Target
from ecr_emulator.quick_dataclasses import dataclass

STACK = "AWS::CloudFormation::Stack"


@dataclass
class Resource:
    """A resource of a stack.

    ``physical_id`` is empty until the resource exists. ``model`` is moto's object for resources that moto creates;
    ``attributes`` are the values of ``Fn::GetAtt`` for the others.
    """

    logical_id: str
    kind: str
    definition: dict[str, Any]
    properties: dict[str, Any]
    physical_id: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    model: Any = None
    status: str = ""
    reason: str | None = None
    changed_at: datetime | None = None
    drift_status: str = "NOT_CHECKED"

    @property
    def is_kept_at_deletion(self) -> bool:
        """Whether the resource stays when it leaves the stack."""
        return self.definition.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate")

    @property
    def is_kept_at_replacement(self) -> bool:
        """Whether the resource stays when another takes its place."""
        return self.definition.get("UpdateReplacePolicy") == "Retain"


class Event(NamedTuple):
    """A change of the status of a stack or of a resource."""

    event_id: str
    logical_id: str
    physical_id: str
    kind: str
    status: str
    reason: str | None
    properties: str | None
    timestamp: datetime


@dataclass
class Stack:
    """A stack. ``target`` is the template with parameters that it has, None before a first change set was executed."""

    stack_id: str
    name: str
    account: str
    region: str
    created_at: datetime
    target: Target | None = None
    tags: dict[str, str] = field(default_factory=dict)
    role_arn: str | None = None
    notification_arns: list[str] = field(default_factory=list)
    capabilities: list[str] = field(default_factory=list)
    enable_termination_protection: bool = False
    timeout_in_minutes: int | None = None
    policy: str = ""
    disable_rollback: bool = False
    parent_id: str | None = None
    status: str = ""
    reason: str | None = None
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    custom_resources: dict[str, Any] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)
    drift_status: str = "NOT_CHECKED"
    drift_checked_at: datetime | None = None

    @property
    def is_deleted(self) -> bool:
        """Whether the stack exists only as a record."""
        return self.status == "DELETE_COMPLETE"

    @property
    def is_waiting(self) -> bool:
        """Whether a custom resource still waits for its function."""
        return any(each.model and not each.model.is_created() for each in self.resources.values())

    @property
    def physical_resource_id(self) -> str:
        """The value of ``Ref`` to this stack in its parent."""
        return self.stack_id

    def add_custom_resource(self, resource: Any) -> None:
        """Remember a custom resource, which a function completes later."""
        self.custom_resources[resource.logical_id] = resource

    def get_custom_resource(self, logical_id: str) -> Any:
        """Return a custom resource by its logical name."""
        return self.custom_resources[logical_id]


class Reporter:
    """Records the events of a stack, and publishes them to its topics."""

    def __init__(self, stack: Stack, now: Callable[[], datetime], publish: Callable[[Stack, Event], None]) -> None:
        self._stack = stack
        self._now = now
        self._publish = publish

    def stack(self, status: str, reason: str | None = None) -> None:
        """Give the stack a status."""
        stack, now = self._stack, self._now()
        stack.status, stack.reason = status, reason
        if status in ("UPDATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"):
            stack.updated_at = now
        if status == "DELETE_COMPLETE":
            stack.deleted_at = now
        self._add(Event(str(mock_random.uuid4()), stack.name, stack.stack_id, STACK, status, reason, None, now))

    def resource(self, resource: Resource, status: str, reason: str | None = None) -> None:
        """Give a resource a status."""
        now = self._now()
        resource.status, resource.reason, resource.changed_at = status, reason, now
        properties = json.dumps(resource.properties, default=str)
        name, kind = resource.logical_id, resource.kind
        event_id = f"{name}-{status}-{mock_random.uuid4()}"
        self._add(Event(event_id, name, resource.physical_id, kind, status, reason, properties, now))

    def _add(self, event: Event) -> None:
        self._stack.events.append(event)
        self._publish(self._stack, event)
