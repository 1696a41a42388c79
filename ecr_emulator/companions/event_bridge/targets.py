"""The targets of rules: each kind receives events through moto's backend of its service."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from threading import BoundedSemaphore, Thread
from typing import Any

from ecr_emulator.companions.event_bridge.input import input_of
from ecr_emulator.quick_dataclasses import dataclass

log = logging.getLogger(__name__)

ARCHIVE_RULE = "Events-Archive-"
MOST_INVOCATIONS = 16
"""Maximum number of functions and HTTP subscribers that are called at the same time."""

_invocations = BoundedSemaphore(MOST_INVOCATIONS)


class Arn:
    """The parts of an ARN. ``resource`` is all that follows the account."""

    def __init__(self, text: str) -> None:
        self.text = text
        _, _, self.service, self.region, self.account, self.resource = [*text.split(":", 5), *[""] * 6][:6]


@dataclass(frozen=True)
class Match:
    """A target of a rule that matches an event."""

    bus: Any
    rule: Any
    target: Mapping[str, Any]
    envelope: dict[str, Any]

    @property
    def arn(self) -> Arn:
        """The ARN of the target."""
        return Arn(self.target["Arn"])

    @property
    def names_bus(self) -> bool:
        """Whether the target is another bus."""
        return self.arn.service == "events" and self.arn.resource.startswith("event-bus/")

    @property
    def text(self) -> str:
        """The input of the target."""
        predefined = {
            "aws.events.rule-arn": self.rule.arn,
            "aws.events.rule-name": self.rule.name,
            "aws.events.event.ingestion-time": self.envelope["time"],
            "aws.events.event": {name: value for name, value in self.envelope.items() if name != "detail"},
            "aws.events.event.json": self.envelope,
        }
        return input_of(self.target, self.envelope, predefined)

    def __str__(self) -> str:
        return f"target {self.arn.text} of rule {self.rule.name}"


def event_bus_of(account: str, region: str, name: str) -> Any:
    """Return a bus; None if there is none, or if no client has used EventBridge in this account and Region."""
    from moto.events.models import events_backends

    regions: Any = events_backends.get(account, {})  # indexing would create the account
    backend = regions.get(region)
    return backend.event_buses.get(name) if backend else None


def send(match: Match) -> Any:
    """Send an event to a target. Return the bus that is the target, if it is one.

    Raises ``NotImplementedError`` for a kind of target that the emulator cannot reach, and what moto raises.
    """
    arn = match.arn
    if match.names_bus:
        return _existing_bus(arn)
    if arn.service == "events" and match.rule.name.startswith(ARCHIVE_RULE) and not arn.account:
        return _archive(match)
    if arn.service not in _SENDERS:
        raise NotImplementedError(f"the emulator cannot send events to {arn.service}:{arn.resource}")
    return _SENDERS[arn.service](match, arn, match.text)


def send_to_dead_letters(match: Match, reason: str) -> None:
    """Send an event that its target could not receive to the target's dead-letter queue, if it has one."""
    from moto.sqs.models import sqs_backends

    queue = match.target.get("DeadLetterConfig", {}).get("Arn")
    if not queue:
        return
    about = {"RULE_ARN": match.rule.arn, "TARGET_ARN": match.arn.text, "ERROR_MESSAGE": reason}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in about.items()}
    arn = Arn(queue)
    sqs_backends[arn.account][arn.region].send_message(arn.resource, json.dumps(match.envelope), attributes)


def _existing_bus(arn: Arn) -> Any:
    name = arn.resource.removeprefix("event-bus/")
    bus = event_bus_of(arn.account, arn.region, name)
    if bus is None and name != "default":
        raise LookupError(f"Event bus {name} does not exist")
    return bus


def _archive(match: Match) -> None:
    """Store an event as moto stores those of clients, so that moto can replay it."""
    from moto.events.models import events_backends

    archives = events_backends[match.bus.account_id][match.bus.region].archives
    time = datetime.fromisoformat(match.envelope["time"]).timestamp()
    stored: Any = match.envelope | {"time": time, "ingestion-time": time}
    archives[match.rule.name.removeprefix(ARCHIVE_RULE)].events.append(stored)


def _send_to_sqs(match: Match, arn: Arn, text: str) -> None:
    from moto.sqs.models import sqs_backends

    group = match.target.get("SqsParameters", {}).get("MessageGroupId")
    sqs_backends[arn.account][arn.region].send_message(arn.resource, text, group_id=group)


def _send_to_sns(_: Match, arn: Arn, text: str) -> None:
    from moto.sns.models import sns_backends

    topics = sns_backends[arn.account][arn.region]
    subscriptions, _next = topics.list_subscriptions_by_topic(arn.text)
    if all(each.protocol == "sqs" for each in subscriptions):
        topics.publish(text, arn.text)
    else:
        _in_background(arn, lambda: topics.publish(text, arn.text))


def _send_to_lambda(_: Match, arn: Arn, text: str) -> None:
    from moto.awslambda.utils import get_backend

    functions = get_backend(arn.account, arn.region)
    functions.get_function(arn.text)  # raises if there is none

    def invoke() -> None:
        outcome: dict[str, str] = {}
        functions.invoke(arn.text, None, text, {"x-amz-invocation-type": "Event"}, outcome)
        if "x-amz-function-error" in outcome:
            raise RuntimeError("the function failed, or moto found no Docker to run it")

    _in_background(arn, invoke)


def _send_to_logs(match: Match, arn: Arn, text: str) -> None:
    from moto.core.utils import unix_time_millis
    from moto.logs.models import logs_backends

    logs = logs_backends[arn.account][arn.region]
    group, stream = arn.resource.removeprefix("log-group:").removesuffix(":*"), match.envelope["id"]
    logs.ensure_log_stream(group, stream)
    logs.put_log_events(group, stream, [{"timestamp": int(unix_time_millis()), "message": text}])


def _send_to_step_functions(_: Match, arn: Arn, text: str) -> None:
    from moto.stepfunctions.responses import get_backend

    get_backend(arn.account, arn.region).start_execution(arn.text, "", text)


def _send_to_kinesis(match: Match, arn: Arn, text: str) -> None:
    from moto.kinesis.models import kinesis_backends

    data = base64.b64encode(text.encode()).decode()
    kinesis_backends[arn.account][arn.region].put_record(
        stream_arn=arn.text,
        stream_name="",
        partition_key=match.envelope["id"],
        explicit_hash_key="",
        data=data,
    )


_SENDERS: dict[str, Callable[[Match, Arn, str], None]] = {
    "kinesis": _send_to_kinesis,
    "lambda": _send_to_lambda,
    "logs": _send_to_logs,
    "sns": _send_to_sns,
    "sqs": _send_to_sqs,
    "states": _send_to_step_functions,
}


def _in_background(arn: Arn, action: Callable[[], object]) -> None:
    """Do what may take long in a thread of its own, as EventBridge invokes functions without waiting for them."""
    if not _invocations.acquire(blocking=False):
        raise RuntimeError(f"{MOST_INVOCATIONS} functions and subscribers are being called already")

    def run() -> None:
        try:
            action()
        except Exception as failure:
            log.warning("EventBridge: %s failed: %s", arn.text, failure)
        finally:
            _invocations.release()

    Thread(target=run, name="eventbridge-invocation", daemon=True).start()
