"""Messages about events of stacks, which CloudFormation publishes to the topics of a stack."""

from __future__ import annotations

import logging
from contextlib import suppress

from moto.core.exceptions import ServiceException
from moto.sns.models import sns_backends

from ecr_emulator.companions.cloudformation.stacks import Event, Stack

log = logging.getLogger(__name__)

_SUBJECT = "AWS CloudFormation Notification"


def publish(stack: Stack, event: Event) -> None:
    """Publish an event to the topics of a stack; a topic that does not exist is skipped."""
    reason = f": {event.reason}" if event.reason else ""
    log.info("stack %s: %s %s %s%s", stack.name, event.logical_id, event.kind, event.status, reason)
    for topic in stack.notification_arns:
        with suppress(ServiceException):
            sns_backends[stack.account][stack.region].publish(_message(stack, event), subject=_SUBJECT, arn=topic)


def _message(stack: Stack, event: Event) -> str:
    fields = {
        "StackId": stack.stack_id,
        "Timestamp": event.timestamp.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "EventId": event.event_id,
        "LogicalResourceId": event.logical_id,
        "Namespace": stack.account,
        "PhysicalResourceId": event.physical_id,
        "ResourceProperties": event.properties or "null",
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason or "",
        "ResourceType": event.kind,
        "StackName": stack.name,
        "ClientRequestToken": "null",
    }
    return "".join(f"{name}='{value}'\n" for name, value in fields.items())
