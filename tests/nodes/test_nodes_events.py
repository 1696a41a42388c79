"""Events on two nodes: each node shows, follows and delivers the events of both, in the order of the commits."""

from __future__ import annotations

from contextlib import closing
from threading import Event, Thread

import pytest

from ecr_emulator.storage.postgres import membership
from tests.support.admin_api import AdminClient
from tests.support.boto import client_at, client_of
from tests.support.event_rules import EventRules
from tests.support.event_streams import messages
from tests.support.images import an_image, put_image
from tests.support.nodes import ACCOUNT, node_processes
from tests.support.programs import until
from tests.support.webhook_receiver import PATIENCE, WebhookReceiver


@pytest.fixture
def receiver():
    with WebhookReceiver() as receiver:
        yield receiver


def ecr_of(emulator):
    return client_of(emulator, "ecr", account=ACCOUNT)


def create(nodes):
    ecr_of(nodes.emulators[0]).create_repository(repositoryName="app")


def push(emulator, *numbers):
    for number in numbers:
        put_image(ecr_of(emulator), "app", an_image(number), f"v{number}")


def tags(events):
    return [event["detail"]["image-tag"] for event in events]


def events_of(emulator, after=0):
    return AdminClient(emulator.wsgi).get(f"/_ecr/events?after={after}").json


def test_each_node_shows_the_events_of_both_in_one_order(nodes):
    first, second = nodes.emulators
    create(nodes)
    for number in range(4):
        push(nodes.emulators[number % 2], number)
    assert tags(events_of(first)["events"]) == [f"v{number}" for number in range(4)]
    assert events_of(first) == events_of(second)


def test_a_transaction_that_is_rolled_back_leaves_no_gap_and_no_key_is_told_before_its_commit(nodes):
    first, second = nodes.emulators
    create(nodes)
    push(first, 1)
    with pytest.raises(RuntimeError, match="rolled back"):
        add_event_and_fail(first, lambda: events_of(second, "now")["last"] == 1)
    push(second, 2)
    found = events_of(first)
    assert (tags(found["events"]), found["last"], found["missed"]) == (["v1", "v2"], 2, 0)
    first.reset()
    assert events_of(second, "now")["last"] == 2
    create(nodes)
    push(second, 3)
    assert events_of(first, 2)["last"] == 3


def add_event_and_fail(emulator, holds_meanwhile):
    with emulator._store.writing() as work:
        [event] = work.events.after(0, 1)
        work.events.add(event)
        holds = []
        thread = Thread(target=lambda: holds.append(holds_meanwhile()))
        thread.start()
        thread.join(PATIENCE)
        assert holds == [True]
        raise RuntimeError("the unit is rolled back")


def test_a_stream_of_one_node_has_the_events_of_both(start_nodes, monkeypatch):
    monkeypatch.setattr(membership, "BEAT", 3_600)  # with each sign of life, a node learns what others have committed
    nodes = start_nodes()
    first, second = nodes.emulators
    create(nodes)
    answer = AdminClient(first.wsgi).get("/_ecr/events?follow&after=now")
    with closing(answer):
        followed = messages(line for part in answer.response for line in part.decode().splitlines())
        assert next(followed).comment == "events follow"
        got = []
        for number, pusher in enumerate((second, first, second)):
            thread = Thread(target=lambda: got.append(next(followed).data))
            thread.start()
            until(lambda: first.event_delivery._feed._changed._waiters)  # the stream waits before the push
            push(pusher, number)
            thread.join(PATIENCE)
        assert tags(got) == ["v0", "v1", "v2"]


def test_rules_of_one_node_get_the_events_of_both_before_the_next_call(nodes):
    first, second = nodes.emulators
    create(nodes)
    push(second, 0)  # before there is a rule
    rules = EventRules(first, ACCOUNT)
    queue = rules.queue("q")
    rules.put("r", {"source": ["aws.ecr"]}, {"Arn": queue.arn})
    push(second, 1)
    push(first, 2)
    push(second, 3)
    assert tags(queue.receive()) == ["v1", "v2", "v3"]


def test_a_webhook_gets_each_event_once_in_order_whichever_node_it_is_of(start_nodes, receiver):
    nodes = start_nodes(2, event_webhook=(receiver.url,))
    create(nodes)
    for number in range(10):
        push(nodes.emulators[number % 2], number)
    got = [receiver.next() for _ in range(10)]
    assert got == events_of(nodes.emulators[0])["events"]
    assert receiver.waiting == 0


def test_another_node_goes_on_with_a_webhook_when_its_node_stops(start_nodes, receiver):
    nodes = start_nodes(2, event_webhook=(receiver.url,))
    create(nodes)
    push(nodes.emulators[1], 1)
    assert receiver.tags(1) == ["v1"]
    nodes.stop(nodes.emulators[0])
    push(nodes.emulators[0], 2, 3)
    assert receiver.tags(2) == ["v2", "v3"]
    assert receiver.waiting == 0


@pytest.mark.parametrize("urls", [(), ("http://127.0.0.1:9/another",)])
def test_a_node_without_a_webhook_forgets_no_position_of_another(start_nodes, receiver, urls):
    nodes = start_nodes(1, event_webhook=(receiver.url,))
    create(nodes)
    push(nodes.emulators[0], 1)
    assert receiver.tags(1) == ["v1"]
    without = nodes.start(event_webhook=urls)
    nodes.stop(nodes.emulators[0])
    push(without, 2)
    nodes.start()
    assert receiver.tags(1) == ["v2"]
    assert receiver.waiting == 0


def test_a_node_that_has_lost_its_lease_sends_nothing_and_gets_it_again(start_nodes, receiver, postgres):
    nodes = start_nodes(2, event_webhook=(receiver.url,))
    create(nodes)
    push(nodes.emulators[0], 1)
    assert receiver.tags(1) == ["v1"]
    end_connections_of_locks(nodes)
    push(nodes.emulators[1], 2, 3)
    assert receiver.tags(2) == ["v2", "v3"]
    assert receiver.waiting == 0


@pytest.mark.slow
def test_another_node_sends_what_a_killed_node_has_not_delivered(databases, tmp_path, receiver):
    is_killed = Event()
    with node_processes(databases(), tmp_path, "--event-webhook", receiver.url) as nodes:
        sender = nodes.start()
        client(sender).create_repository(repositoryName="app")
        put_image(client(sender), "app", an_image(1), "v1")
        assert receiver.tags(1) == ["v1"]
        other = nodes.start()
        receiver.answers.append(lambda: 204 if is_killed.wait(PATIENCE) else 500)
        put_image(client(other), "app", an_image(2), "v2")
        assert receiver.tags(1) == ["v2"]  # its node waits for the answer
        put_image(client(other), "app", an_image(3), "v3")
        sender.process.kill()
        assert receiver.tags(2) == ["v2", "v3"]
        is_killed.set()
        put_image(client(other), "app", an_image(4), "v4")
        assert receiver.tags(1) == ["v4"]


def client(node):
    return client_at(node.url, account=ACCOUNT)


def end_connections_of_locks(nodes):
    for emulator in nodes.emulators:
        locks = emulator._state.locks
        with emulator._store.reading() as work:
            pid = locks._connection.info.backend_pid
            work.connection.execute("SELECT pg_terminate_backend(%(pid)s)", {"pid": pid}).fetchone()


def test_no_node_sends_a_webhook_the_events_of_a_state_that_another_has_loaded(start_nodes, receiver):
    nodes = start_nodes(2, event_webhook=(receiver.url,))
    first, second = nodes.emulators
    create(nodes)
    push(first, 1)
    saved = AdminClient(second.wsgi).get("/_ecr/state").data
    push(second, 2)
    assert receiver.tags(2) == ["v1", "v2"]
    AdminClient(second.wsgi).put("/_ecr/state", data=saved, content_type="application/x-tar")
    push(first, 3)
    assert receiver.tags(1) == ["v3"]
    nodes.stop(first)
    push(second, 4)
    assert receiver.tags(1) == ["v4"]
    assert receiver.waiting == 0
