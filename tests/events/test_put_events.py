"""Events that clients send with PutEvents reach the targets of rules like those of ECR."""

import logging
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from tests.support.event_rules import EventRules

ACCOUNT, OTHER = "123456789012", "210987654321"
PATTERN = {"source": ["shop"]}


@pytest.fixture
def rules(emulator):
    return EventRules(emulator, ACCOUNT)


def entry(**changes):
    return {"Source": "shop", "DetailType": "Sale", "Detail": '{"item": 1}'} | changes


def put(rules, *entries):
    return rules.events.put_events(Entries=list(entries))


def test_a_queue_receives_the_envelope_of_aws(rules):
    queue = rules.queue("sales")
    rules.put("sales", PATTERN, {"Arn": queue.arn})
    answer = put(rules, entry(Time=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC), Resources=["arn:of:a:shop"]))
    assert queue.receive() == [
        {
            "version": "0",
            "id": answer["Entries"][0]["EventId"],
            "detail-type": "Sale",
            "source": "shop",
            "account": ACCOUNT,
            "time": "2026-03-04T05:06:07Z",
            "region": "us-east-1",
            "resources": ["arn:of:a:shop"],
            "detail": {"item": 1},
        }
    ]


def test_an_event_without_a_time_has_that_of_the_clock(rules, http):
    http.post("/_ecr/clock", json={"set": "2031-01-01T00:00:00Z"})
    queue = rules.queue("sales")
    rules.put("sales", PATTERN, {"Arn": queue.arn})
    put(rules, entry())
    assert [each["time"][:10] for each in queue.receive()] == ["2031-01-01"]


def test_a_target_that_is_gone_fails_no_event(rules, caplog):
    queue = rules.queue("sales")
    gone = queue.arn.replace("sales", "gone")
    rules.put("sales", PATTERN, {"Arn": gone}, {"Arn": queue.arn})
    with caplog.at_level(logging.WARNING, "ecr_emulator"):
        answer = put(rules, entry())
    assert answer["FailedEntryCount"] == 0
    assert len(queue.receive()) == 1
    (line,) = [each.message for each in caplog.records if "EventBridge" in each.message]
    assert gone in line


@pytest.mark.parametrize(
    ("wrong", "code", "message"),
    [
        ({"Source": "aws.ecr"}, "NotAuthorizedForSourceException", "Not authorized for the source."),
        ({"Source": "aws.partner/shop"}, "NotAuthorizedForSourceException", "Not authorized for the source."),
        ({"Source": ""}, "InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."),
        ({"Detail": "{"}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": "[]"}, "MalformedDetail", "Detail is malformed."),
    ],
)
def test_a_wrong_entry_is_refused_and_the_others_are_delivered(rules, wrong, code, message):
    queue = rules.queue("all")
    rules.put("all", {"account": [ACCOUNT]}, {"Arn": queue.arn})
    answer = put(rules, entry(**wrong), entry())
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0] == {"ErrorCode": code, "ErrorMessage": message}
    assert [event["id"] for event in queue.receive()] == [answer["Entries"][1]["EventId"]]


def test_at_most_ten_events_are_sent_at_a_time(rules):
    with pytest.raises(ClientError, match="Member must have length less than or equal to 10"):
        put(rules, *[entry()] * 11)


def test_a_bus_of_another_account_receives_the_account_that_sent_the_event(rules, emulator):
    theirs = EventRules(emulator, OTHER, "eu-west-1")
    bus = theirs.events.create_event_bus(Name="central")["EventBusArn"]
    queue = theirs.queue("sales")
    theirs.put("sales", {"account": [ACCOUNT]}, {"Arn": queue.arn}, bus="central")
    rules.put("forward", PATTERN, {"Arn": bus})
    forwarded = put(rules, entry())
    direct = put(rules, entry(EventBusName=bus))
    events = queue.receive()
    assert [each["id"] for each in events] == [answer["Entries"][0]["EventId"] for answer in (forwarded, direct)]
    assert {(each["account"], each["region"]) for each in events} == {(ACCOUNT, "us-east-1")}


def test_a_transformed_event_is_json(rules):
    queue = rules.queue("sales")
    transformer = {"InputPathsMap": {"type": "$.detail-type"}, "InputTemplate": '{"what": <type>}'}
    rules.put("sales", PATTERN, {"Arn": queue.arn, "InputTransformer": transformer})
    put(rules, entry())
    assert queue.receive() == [{"what": "Sale"}]


def test_an_event_of_a_partner_reaches_the_accounts_that_have_its_source(rules):
    source = "aws.partner/shop.example/sales"
    rules.events.create_partner_event_source(Name=source, Account=ACCOUNT)
    queue = rules.queue("sales")
    rules.put("sales", {"source": [source]}, {"Arn": queue.arn})
    rules.events.put_partner_events(Entries=[entry(Source=source)])
    assert [each["source"] for each in queue.receive()] == [source]


def test_the_events_of_clients_can_be_archived(rules):
    bus = rules.events.describe_event_bus(Name="default")["Arn"]
    rules.events.create_archive(ArchiveName="sales", EventSourceArn=bus)
    put(rules, entry())
    assert rules.events.describe_archive(ArchiveName="sales")["EventCount"] == 1
