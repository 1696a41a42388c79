"""Events reach the rules of the EventBridge companion and the targets of the rules."""

import json
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue

import boto3
import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.serving.threaded import ThreadedServer
from ecr_emulator.settings import Settings
from ecr_emulator.testing.running import RunningEcrEmulator
from tests.support.boto import client_of
from tests.support.event_rules import EventRules
from tests.support.images import an_image, put_image

ACCOUNT, OTHER = "123456789012", "210987654321"
PUSHES = {"source": ["aws.ecr"], "detail-type": ["ECR Image Action"], "detail": {"action-type": ["PUSH"]}}


@pytest.fixture
def rules(emulator):
    return EventRules(emulator, ACCOUNT)


@pytest.fixture
def ecr(emulator):
    ecr = client_of(emulator, account=ACCOUNT)
    ecr.create_repository(repositoryName="app")
    return ecr


def push(ecr, number=1, name="app"):
    put_image(ecr, name, an_image(number), f"v{number}")


def tag(event):
    return event["detail"]["image-tag"]


def test_a_queue_receives_the_envelope_that_the_log_has(rules, ecr, http):
    queue = rules.queue("pushes")
    rules.put("pushes", PUSHES, {"Arn": queue.arn})
    push(ecr)
    assert queue.receive() == http.get("/_ecr/events").json["events"]
    assert queue.receive() == []


def test_events_arrive_in_the_order_of_their_commits(rules, ecr):
    queue = rules.queue("all")
    rules.put("all", {"source": ["aws.ecr"]}, {"Arn": queue.arn})
    for number in range(30):
        push(ecr, number)
    assert [tag(event) for event in queue.receive()] == [f"v{number}" for number in range(30)]


def test_a_rule_gets_no_events_from_before_it(rules, ecr):
    queue = rules.queue("pushes")
    push(ecr, 1)
    rules.put("pushes", PUSHES, {"Arn": queue.arn})
    push(ecr, 2)
    assert [tag(event) for event in queue.receive()] == ["v2"]
    rules.events.remove_targets(Rule="pushes", Ids=["0"])
    rules.events.delete_rule(Name="pushes")
    push(ecr, 3)
    assert queue.receive() == []


PATTERNS = [
    ({"detail": {"repository-name": [{"prefix": "ap"}]}}, True),
    ({"detail": {"repository-name": [{"prefix": "other"}]}}, False),
    ({"detail": {"repository-name": [{"anything-but": "app"}]}}, False),
    ({"detail": {"image-tag": [{"wildcard": "v*"}]}}, True),
    ({"detail": {"image-tag": [{"exists": False}]}}, False),
    ({"detail": {"result": ["SUCCESS"], "action-type": ["DELETE"]}}, False),
    ({"$or": [{"detail": {"action-type": ["DELETE"]}}, {"account": [ACCOUNT]}]}, True),
    ({"region": ["eu-west-1"]}, False),
    ({"source": ["aws.s3"]}, False),
]


def test_content_filters_decide(rules, ecr):
    queues = [rules.queue(f"filtered-{number}") for number in range(len(PATTERNS))]
    for queue, (pattern, _) in zip(queues, PATTERNS, strict=True):
        rules.put(queue.arn.rpartition(":")[2], pattern, {"Arn": queue.arn})
    push(ecr)
    assert [len(queue.receive()) for queue in queues] == [is_matched for _, is_matched in PATTERNS]


def test_disabled_rules_and_schedules_match_nothing(rules, ecr):
    queue = rules.queue("nothing")
    rules.put("disabled", PUSHES, {"Arn": queue.arn})
    rules.events.disable_rule(Name="disabled")
    rules.events.put_rule(Name="hourly", ScheduleExpression="rate(1 hour)")
    rules.events.put_targets(Rule="hourly", Targets=[{"Id": "0", "Arn": queue.arn}])
    push(ecr, 1)
    assert queue.receive() == []
    rules.events.enable_rule(Name="disabled")
    push(ecr, 2)
    assert [tag(event) for event in queue.receive()] == ["v2"]


def test_only_the_account_and_the_region_of_an_event_see_it(emulator, rules, ecr):
    queues = []
    for account, region in [(OTHER, "us-east-1"), (ACCOUNT, "eu-west-1")]:
        elsewhere = EventRules(emulator, account, region)
        queues.append(elsewhere.queue("pushes"))
        elsewhere.put("pushes", PUSHES, {"Arn": queues[-1].arn})
    push(ecr)
    assert [queue.receive() for queue in queues] == [[], []]
    abroad = client_of(emulator, account=ACCOUNT, region="eu-west-1")
    abroad.create_repository(repositoryName="app")
    push(abroad)
    assert [len(queue.receive()) for queue in queues] == [0, 1]


TEMPLATE = '{"image": <name>, "text": "<name>:<tag> by <aws.events.rule-name>", "detail": <detail>, "none": <none>}'
PATHS = {"name": "$.detail.repository-name", "tag": "$.detail['image-tag']", "detail": "$.detail", "none": "$.x[0].y"}


INPUTS = [
    ({}, "v1"),
    ({"InputPath": "$.detail.image-tag"}, "v1"),
    ({"InputPath": "$.resources[0]"}, None),
    ({"Input": '{"constant": true}'}, {"constant": True}),
    ({"InputTransformer": {"InputPathsMap": PATHS, "InputTemplate": '"<name> has <tag>"'}}, "app has v1"),
    ({"InputTransformer": {"InputPathsMap": PATHS, "InputTemplate": "<tag>"}}, "v1"),
    ({"InputTransformer": {"InputTemplate": '"<unknown> <aws.events.rule-name>"'}}, "<unknown> rule-6"),
]


def test_a_target_receives_its_input(rules, ecr):
    queues = [rules.queue(f"input-{number}") for number in range(len(INPUTS))]
    for number, (queue, (target, _)) in enumerate(zip(queues, INPUTS, strict=True)):
        rules.put(f"rule-{number}", PUSHES, {"Arn": queue.arn} | target)
    push(ecr)
    (event,), *others = [queue.receive() for queue in queues]
    assert tag(event) == "v1"
    assert others == [[received] for _, received in INPUTS[1:]]


def test_a_template_may_use_parts_of_the_event_and_of_the_rule(rules, ecr, http):
    queue = rules.queue("transformed")
    transformer = {"InputPathsMap": PATHS, "InputTemplate": TEMPLATE}
    rules.put("named", PUSHES, {"Arn": queue.arn, "InputTransformer": transformer})
    push(ecr)
    (event,) = http.get("/_ecr/events").json["events"]
    assert queue.receive() == [
        {"image": "app", "text": "app:v1 by named", "detail": event["detail"], "none": None},
    ]


def test_a_topic_sends_events_to_its_queues(emulator, rules, ecr):
    queue, sns = rules.queue("fan-out"), client_of(emulator, "sns", account=ACCOUNT)
    topic = sns.create_topic(Name="pushes")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    rules.put("pushes", PUSHES, {"Arn": topic})
    push(ecr)
    (notification,) = queue.receive()
    assert (notification["TopicArn"], tag(json.loads(notification["Message"]))) == (topic, "v1")


def test_a_log_group_a_stream_and_a_state_machine_receive_events(emulator, rules, ecr):
    logs = client_of(emulator, "logs", account=ACCOUNT)
    logs.create_log_group(logGroupName="/aws/events/ecr")
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/events/ecr"
    kinesis = client_of(emulator, "kinesis", account=ACCOUNT)
    kinesis.create_stream(StreamName="events", ShardCount=1)
    stream = kinesis.describe_stream(StreamName="events")["StreamDescription"]
    states = client_of(emulator, "stepfunctions", account=ACCOUNT)
    definition = '{"StartAt": "done", "States": {"done": {"Type": "Succeed"}}}'
    role = f"arn:aws:iam::{ACCOUNT}:role/states"
    machine = states.create_state_machine(name="pushed", definition=definition, roleArn=role)["stateMachineArn"]
    rules.put("pushes", PUSHES, {"Arn": group}, {"Arn": f"{group}:*"}, {"Arn": stream["StreamARN"]}, {"Arn": machine})
    push(ecr)

    logged = [json.loads(each["message"]) for each in logs.filter_log_events(logGroupName="/aws/events/ecr")["events"]]
    shard = kinesis.get_shard_iterator(
        StreamName="events", ShardId=stream["Shards"][0]["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )
    (record,) = kinesis.get_records(ShardIterator=shard["ShardIterator"])["Records"]
    (execution,) = states.list_executions(stateMachineArn=machine)["executions"]
    started = states.describe_execution(executionArn=execution["executionArn"])["input"]
    assert logged == [json.loads(record["Data"])] * 2 == [json.loads(started)] * 2
    assert tag(logged[0]) == "v1"


def test_a_bus_of_another_account_receives_the_event_as_it_is_and_passes_it_to_no_third(emulator, rules, ecr, caplog):
    elsewhere = EventRules(emulator, OTHER, "eu-west-1")
    bus = elsewhere.events.create_event_bus(Name="central")["EventBusArn"]
    third = elsewhere.events.create_event_bus(Name="third")["EventBusArn"]
    queue = elsewhere.queue("central")
    elsewhere.put("all", {"account": [ACCOUNT]}, {"Arn": queue.arn}, {"Arn": third}, bus="central")
    elsewhere.put("all", {"account": [ACCOUNT]}, {"Arn": queue.arn}, bus="third")
    rules.put("forward", PUSHES, {"Arn": bus})
    push(ecr)
    (event,) = queue.receive()
    assert (event["account"], event["region"], tag(event)) == (ACCOUNT, "us-east-1", "v1")
    assert "passes on no event that comes from another bus" in caplog.text


def test_an_archive_keeps_events_and_replays_them(rules, ecr):
    bus = rules.events.describe_event_bus(Name="default")["Arn"]
    archive = rules.events.create_archive(ArchiveName="kept", EventSourceArn=bus)["ArchiveArn"]
    push(ecr)
    assert rules.events.describe_archive(ArchiveName="kept")["EventCount"] == 1
    queue = rules.queue("again")
    rules.put("pushes", PUSHES, {"Arn": queue.arn})
    now = datetime.now(UTC)
    times = {"EventStartTime": now - timedelta(hours=1), "EventEndTime": now}
    rules.events.start_replay(ReplayName="again", EventSourceArn=archive, Destination={"Arn": bus}, **times)
    assert [tag(event) for event in queue.receive()] == ["v1"]


def test_a_target_that_fails_stops_neither_the_push_nor_other_targets(rules, ecr, caplog):
    queue, dead = rules.queue("works"), rules.queue("dead")
    gone = f"arn:aws:sqs:us-east-1:{ACCOUNT}:gone"
    other = f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/main"
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:gone"
    lost = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/gone"
    wrong = {"Arn": queue.arn, "InputPath": "detail"}
    targets = [{"Arn": gone, "DeadLetterConfig": {"Arn": dead.arn}}, {"Arn": other}, {"Arn": function}, {"Arn": lost}]
    rules.put("pushes", PUSHES, *targets, wrong, {"Arn": queue.arn})
    with caplog.at_level(logging.WARNING):
        push(ecr)
        assert [tag(event) for event in queue.receive()] == ["v1"]
    lines = [record.getMessage() for record in caplog.records if "EventBridge" in record.getMessage()]
    for arn, line in zip([gone, other, function, lost, queue.arn], lines, strict=True):
        assert line.startswith(f"EventBridge: target {arn} of rule pushes cannot receive event ")
        assert "\n" not in line
    assert "the emulator cannot send events to ecs:cluster/main" in lines[1]
    assert "Event bus gone does not exist" in lines[3]
    assert "'detail' is not a path like $.detail.repository-name" in lines[4]
    (message,) = dead.messages()
    assert tag(json.loads(message["Body"])) == "v1"
    assert message["MessageAttributes"]["TARGET_ARN"]["StringValue"] == gone


def test_a_pattern_that_fails_concerns_only_its_rule(rules, ecr, caplog):
    queue = rules.queue("works")
    rules.put("broken", {"detail": {"image-tag": [{"prefix": 5}]}}, {"Arn": queue.arn})
    rules.put("works", PUSHES, {"Arn": queue.arn})
    push(ecr)
    assert [tag(event) for event in queue.receive()] == ["v1"]
    assert "the pattern of rule broken cannot be evaluated" in caplog.text


def test_a_subscriber_that_never_answers_delays_nobody(emulator, rules, ecr):
    queue, sns = rules.queue("works"), client_of(emulator, "sns", account=ACCOUNT)
    topic = sns.create_topic(Name="pushes")["TopicArn"]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")
        rules.put("pushes", PUSHES, {"Arn": topic}, {"Arn": queue.arn})
        push(ecr)
        assert [tag(event) for event in queue.receive()] == ["v1"]
        connection, _ = silent.accept()
        connection.close()


def test_a_function_is_invoked_with_the_event(emulator, rules, ecr, monkeypatch):
    # moto runs functions in Docker, which need not be here.
    invocations = SimpleQueue()
    monkeypatch.setattr(
        "ecr_emulator.companions.functions.backend.FunctionBackend.invoke",
        lambda _backend, name, _qualifier, body, *_: invocations.put((name, tag(json.loads(body)))),
    )
    role = client_of(emulator, "iam", account=ACCOUNT).create_role(RoleName="run", AssumeRolePolicyDocument="{}")
    function = client_of(emulator, "lambda", account=ACCOUNT).create_function(
        FunctionName="pushed", Runtime="python3.12", Role=role["Role"]["Arn"], Handler="a.b", Code={"ZipFile": b"zip"}
    )
    rules.put("pushes", PUSHES, {"Arn": function["FunctionArn"]})
    push(ecr)
    assert invocations.get(timeout=60) == (function["FunctionArn"], "v1")


def test_nothing_of_moto_is_used_without_a_rule(emulator, ecr):
    push(ecr)
    assert not emulator._companions.is_loaded
    client_of(emulator, "secretsmanager").list_secrets()
    push(ecr, 2)
    assert emulator.event_delivery._event_bridge._thread is None


def test_rules_and_queues_go_back_with_a_snapshot(emulator, rules, ecr):
    queue = rules.queue("pushes")
    rules.put("pushes", PUSHES, {"Arn": queue.arn})
    push(ecr, 1)
    snapshot = emulator.snapshots.take()
    for number in (2, 3):
        push(ecr, number)
        assert [tag(event) for event in queue.receive(delete=False)] == ["v1", f"v{number}"]
        emulator.snapshots.restore(snapshot)


def test_a_consumer_that_waits_receives_a_push_over_http_and_its_scan():
    with Emulator(Settings(account=ACCOUNT, background_delay=0.2)) as emulator, ThreadedServer(emulator.wsgi) as server:
        rules = EventRules(emulator, ACCOUNT)
        queue = rules.queue("all")
        rules.put("all", {"source": ["aws.ecr"]}, {"Arn": queue.arn})
        session = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="any", region_name="us-east-1")
        sqs, ecr = (session.client(name, endpoint_url=server.url) for name in ("sqs", "ecr"))
        ecr.create_repository(repositoryName="app", imageScanningConfiguration={"scanOnPush": True})

        def receive():
            got = sqs.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20, MaxNumberOfMessages=1)["Messages"]
            sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=got[0]["ReceiptHandle"])
            return json.loads(got[0]["Body"])["detail-type"]

        docker = RunningEcrEmulator(server.url, ACCOUNT)
        with ThreadPoolExecutor(1) as waiting:
            first = waiting.submit(receive)
            docker.push_image("app", "1.0")
            assert first.result(20) == "ECR Image Action"
            assert waiting.submit(receive).result(20) == "ECR Image Scan"
