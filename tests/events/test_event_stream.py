"""``/_ecr/events?follow``: server-sent events, in process and from every server."""

from contextlib import closing, contextmanager
from threading import Thread

import pytest

from ecr_emulator.admin import event_stream
from ecr_emulator.emulator import Emulator
from ecr_emulator.serving.granian import GranianServer
from ecr_emulator.serving.listeners import listen
from ecr_emulator.serving.threaded import ThreadedServer
from ecr_emulator.settings import Settings
from tests.support.admin_api import AdminClient
from tests.support.boto import client_of
from tests.support.event_streams import PATIENCE, Follower, messages
from tests.support.images import an_image, put_image
from tests.support.servers import connected


@contextmanager
def granian(emulator):
    server = GranianServer(emulator.wsgi, listen(["127.0.0.1"], 0), threads=32)
    server.start()
    try:
        yield server.port
    finally:
        emulator.event_delivery.end_streams()
        assert server.stop(PATIENCE)


@contextmanager
def werkzeug(emulator):
    with ThreadedServer(emulator.wsgi) as server:
        yield server.port
        emulator.event_delivery.end_streams()


@pytest.fixture(params=[granian, werkzeug], ids=lambda serve: serve.__name__)
def port(request, emulator):
    with request.param(emulator) as port:
        yield port


def push(ecr, number):
    put_image(ecr, "app", an_image(number), f"v{number}")


def tags(followed):
    return [message.data["detail"]["image-tag"] for message in followed]


def test_a_follower_gets_what_is_there_and_what_comes(port, ecr, http):
    push(ecr, 1)
    with Follower(port) as follower:
        assert follower.answer.status == 200
        assert follower.answer.headers["Content-Type"] == "text/event-stream"
        assert follower.next().comment == "events follow"
        first = follower.next()
        push(ecr, 2)
        second = follower.next()
    page = http.get("/_ecr/events").json
    assert [first.data, second.data] == page["events"]
    assert (first.id, second.id, first.type) == (page["last"] - 1, page["last"], None)


def test_a_follower_goes_on_after_the_last_event_that_it_got(port, ecr):
    for number in range(3):
        push(ecr, number)
    with Follower(port, "follow&after=0", {"Last-Event-ID": "2"}) as follower:
        follower.next()
        assert follower.next().id == 3
    with Follower(port, "follow=true&after=1") as follower:
        follower.next()
        assert [follower.next().id, follower.next().id] == [2, 3]
    with Follower(port, "follow&after=now") as follower:
        follower.next()
        push(ecr, 4)
        assert follower.next().id == 4


def test_a_stream_ends_when_the_server_stops(emulator, port, ecr):
    with Follower(port) as follower:
        follower.next()
        push(ecr, 1)
        assert follower.next().id == 1
        Thread(target=emulator.event_delivery.end_streams).start()
        assert follower.rest() == []
    with Follower(port) as late:
        assert (late.answer.status, b"about to stop" in late.answer.read()) == (503, True)


def test_a_comment_keeps_the_connection_alive(port, ecr, monkeypatch):
    monkeypatch.setattr(event_stream, "KEEP_ALIVE", 0.01)
    with Follower(port) as follower:
        assert [follower.next().comment, follower.next().comment] == ["events follow", "keep-alive"]
        push(ecr, 1)
        while (message := follower.next()).comment:
            assert message.comment == "keep-alive"
        assert message.id == 1


def test_a_client_that_left_frees_its_place(emulator, port, monkeypatch):
    monkeypatch.setattr(event_stream, "KEEP_ALIVE", 0.01)
    followers = [Follower(port) for _ in range(16)]
    with Follower(port) as one_too_many:
        assert one_too_many.answer.status == 503
        sentence = "16 clients follow the events already, the maximum with --threads 64"
        assert sentence in one_too_many.answer.read().decode()
    for follower in followers:
        with follower:
            pass
    for _ in range(1_000):
        with Follower(port) as again:
            if again.answer.status == 200:
                break
    assert again.answer.status == 200


def test_a_stream_in_one_piece_is_refused(port):
    with connected(port) as wire:
        wire.send("GET /_ecr/events?follow HTTP/1.0", "Host: localhost")
        status, body = wire.response()
    assert (status, b"needs HTTP/1.1" in body) == (505, True)


def test_a_follower_is_told_how_many_events_were_removed():
    with Emulator(Settings(event_log_size=2)) as emulator:
        ecr = client_of(emulator)
        ecr.create_repository(repositoryName="app")
        for number in range(5):
            push(ecr, number)
        with closing(AdminClient(emulator.wsgi).get("/_ecr/events?follow&after=1")) as answer:
            followed = messages(part for text in answer.iter_encoded() for part in text.decode().splitlines())
            next(followed)
            missed = next(followed)
            assert (missed.type, missed.data, missed.id) == ("missed", {"missed": 2}, None)
            assert tags([next(followed), next(followed)]) == ["v3", "v4"]


def test_a_follower_gets_the_events_of_work_that_falls_due_while_nobody_asks():
    with Emulator(Settings(background_delay=0.1)) as emulator, werkzeug(emulator) as port:
        ecr = client_of(emulator)
        ecr.create_repository(repositoryName="app", imageScanningConfiguration={"scanOnPush": True})
        with Follower(port) as follower:
            follower.next()
            push(ecr, 1)
            types = [follower.next().data["detail-type"], follower.next().data["detail-type"]]
    assert types == ["ECR Image Action", "ECR Image Scan"]


def test_one_thread_is_not_enough_for_a_follower():
    with Emulator(Settings(threads=3)) as emulator:
        answer = AdminClient(emulator.wsgi).get("/_ecr/events?follow")
    assert (answer.status_code, "the maximum with --threads 3" in answer.json["error"]) == (503, True)


@pytest.mark.parametrize(
    ("query", "headers", "named"),
    [
        ("follow=yes", {}, "follow='yes' must have no value"),
        ("follow&after=x", {}, "after='x' must be the key of an event"),
        ("follow", {"Last-Event-ID": "x"}, "Last-Event-ID='x' must be the key of an event"),
    ],
)
def test_a_wrong_request_is_refused(http, query, headers, named):
    answer = http.get(f"/_ecr/events?{query}", headers=headers)
    assert (answer.status_code, named in answer.json["error"]) == (400, True)
