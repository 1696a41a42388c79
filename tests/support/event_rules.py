"""Rules and queues of the companions, for tests of EventBridge."""

from __future__ import annotations

import json
from typing import Any

from tests.support.boto import Answering, client_of


class Queue:
    """A queue of the SQS companion."""

    def __init__(self, sqs: Any, name: str) -> None:
        self._sqs = sqs
        self.url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]
        self.arn: str = attributes["QueueArn"]

    def messages(self, *, delete: bool = True) -> list[dict[str, Any]]:
        """Return all messages, in the order in which they were sent."""
        found: list[dict[str, Any]] = []
        visible = {"VisibilityTimeout": 60} if delete else {"VisibilityTimeout": 0}
        while got := self._sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], **visible
        ).get("Messages"):
            found += got
            if not delete:
                break
            for each in got:
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
        return found

    def receive(self, *, delete: bool = True) -> list[Any]:
        """Return the bodies of all messages."""
        return [json.loads(each["Body"]) for each in self.messages(delete=delete)]


class EventRules:
    """EventBridge and SQS of one account in one Region."""

    def __init__(self, emulator: Answering, account: str, region: str = "us-east-1") -> None:
        self.events = client_of(emulator, "events", account=account, region=region)
        self._sqs = client_of(emulator, "sqs", account=account, region=region)

    def queue(self, name: str) -> Queue:
        """Create a queue."""
        return Queue(self._sqs, name)

    def put(self, name: str, pattern: dict[str, Any], *targets: dict[str, Any], bus: str = "default") -> None:
        """Create a rule with its targets."""
        self.events.put_rule(Name=name, EventPattern=json.dumps(pattern), EventBusName=bus)
        numbered = [{"Id": str(number)} | target for number, target in enumerate(targets)]
        self.events.put_targets(Rule=name, EventBusName=bus, Targets=numbered)
