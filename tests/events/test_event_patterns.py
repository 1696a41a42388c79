"""EventBridge refuses patterns that moto would let match every event, and tests patterns."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.support.boto import client_of

EVENT = {
    "id": "1",
    "account": "123456789012",
    "source": "aws.ecr",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail-type": "ECR Image Action",
    "detail": {"action-type": "PUSH", "image-tag": "v1"},
}


@pytest.fixture
def events(emulator):
    return client_of(emulator, "events")


def refused(call, **members):
    with pytest.raises(ClientError) as caught:
        call(**members)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ({"source": [{"foo": "x"}]}, "Unrecognized match type foo"),
        ({"detail": {"image-tag": ["v1", {"Prefix": "v"}]}}, "Unrecognized match type Prefix"),
        ({"$or": [{"source": ["x"]}, {"source": [{"foo": "x"}]}]}, "Unrecognized match type foo"),
        ({"source": [{}]}, "Only one key allowed in match expression"),
        ({"source": "aws.ecr"}, "'source' must be an object or an array"),
    ],
)
@pytest.mark.parametrize("operation", ["put_rule", "test_event_pattern"])
def test_wrong_patterns_are_refused(events, operation, pattern, reason):
    members = {"Name": "wrong"} if operation == "put_rule" else {"Event": json.dumps(EVENT)}
    code, message = refused(getattr(events, operation), EventPattern=json.dumps(pattern), **members)
    assert (code, message) == ("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")
    assert events.list_rules()["Rules"] == []


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ({"source": ["aws.ecr"]}, True),
        ({"source": ["aws.ecs"]}, False),
        ({"detail": {"image-tag": [{"anything-but": {"prefix": "v"}}]}}, False),
        ({"$or": [{"source": ["x"]}, {"detail": {"action-type": [{"equals-ignore-case": "push"}]}}]}, True),
    ],
)
def test_patterns_are_tested_against_an_event(events, pattern, matches):
    answer = events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(EVENT))
    assert answer["Result"] is matches
    assert events.put_rule(Name="right", EventPattern=json.dumps(pattern))["RuleArn"].endswith("rule/right")


@pytest.mark.parametrize(
    ("event", "reason"),
    [("{", "Invalid JSON"), ("[]", "it must be a JSON object"), ("{}", "it must have the field id")],
)
def test_wrong_events_are_refused(events, event, reason):
    code, message = refused(events.test_event_pattern, EventPattern='{"source": ["aws.ecr"]}', Event=event)
    assert (code, message) == ("ValidationException", f"Parameter Event is not valid. Reason: {reason}")
