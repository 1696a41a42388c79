"""moto's EventBridge, with the events of clients delivered like those of ECR.

moto lets PutEvents fail if a target fails, accepts sources that belong to AWS, and takes the account of a bus for that
of an event. https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, ClassVar

from moto.events.exceptions import ValidationException
from moto.events.models import EventsBackend, events_backends
from moto.moto_api._internal import mock_random

from ecr_emulator.companions.event_bridge.rules import deliver
from ecr_emulator.companions.event_bridge.targets import Arn
from ecr_emulator.ports.time import Clock

MOST_ENTRIES = 10
REQUIRED = ("Source", "DetailType", "Detail")
RESERVED = "aws."
"""Prefix of the sources of AWS's own events, and of events of partners, which use PutPartnerEvents."""


class EventBridgeBackend(EventsBackend):
    """The buses of one account and Region. ``clock`` is that of the emulator."""

    __module__ = EventsBackend.__module__
    clock: ClassVar[Clock]

    def put_events(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Send events to the targets of the rules that match them; return the id or the refusal of each event."""
        if not 1 <= len(events) <= MOST_ENTRIES:
            bound = "less than or equal to 10" if events else "greater than or equal to 1"
            raise ValidationException(
                "1 validation error detected: Value '[PutEventsRequestEntry]' at 'entries' failed to satisfy "
                f"constraint: Member must have length {bound}"
            )
        return [_refusal(each) or self.publish(each) for each in events]

    def put_partner_events(self, entries: list[dict[str, Any]]) -> None:
        """Send events of partners to the default buses of the accounts that have their sources."""
        for entry in entries:
            for account in self.partner_event_sources[entry["Source"]].accounts:
                backend: Any = events_backends[account][self.region_name]
                backend.publish(entry)

    def publish(self, event: dict[str, Any]) -> dict[str, Any]:
        """Send an event to the targets of the rules that match it, whatever its source is; return its id."""
        envelope = self._envelope(event)
        deliver(envelope, self._bus(event.get("EventBusName") or "default"))
        return {"EventId": envelope["id"]}

    def _bus(self, name: str) -> Any:
        """Return a bus by its name or ARN, which may be one of another account. Raises what moto raises."""
        arn = Arn(name)
        account, region = arn.account or self.account_id, arn.region or self.region_name
        backend: Any = events_backends[account][region]
        return backend.describe_event_bus(arn.resource.removeprefix("event-bus/") or name)

    def _envelope(self, event: dict[str, Any]) -> dict[str, Any]:
        time = datetime.fromtimestamp(event["Time"], UTC) if "Time" in event else self.clock.now()
        return {
            "version": "0",
            "id": str(mock_random.uuid4()),
            "detail-type": event["DetailType"],
            "source": event["Source"],
            "account": self.account_id,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self.region_name,
            "resources": event.get("Resources", []),
            "detail": json.loads(event["Detail"]),
        }


def _refusal(event: dict[str, Any]) -> dict[str, str] | None:
    """Return the error of an event that EventBridge does not accept."""
    for name in REQUIRED:
        if not event.get(name):
            return _error("InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument.")
    if event["Source"].startswith(RESERVED):
        return _error("NotAuthorizedForSourceException", "Not authorized for the source.")
    try:
        is_object = isinstance(json.loads(event["Detail"]), dict)
    except ValueError:
        is_object = False
    return None if is_object else _error("MalformedDetail", "Detail is malformed.")


def _error(code: str, message: str) -> dict[str, str]:
    return {"ErrorCode": code, "ErrorMessage": message}
