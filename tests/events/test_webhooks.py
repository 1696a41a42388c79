"""Webhooks get every event at least once, in order, and delay nobody."""

import logging
import sqlite3
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import pairwise
from threading import Event
from time import monotonic

import pytest

from ecr_emulator.domain.webhook import Outcome, outcome_of, pause_after
from ecr_emulator.emulator import Emulator
from ecr_emulator.services import webhooks
from ecr_emulator.settings import Settings
from ecr_emulator.system import SystemClock
from tests.support.admin_api import AdminClient
from tests.support.boto import client_of
from tests.support.images import an_image, put_image
from tests.support.webhook_receiver import PATIENCE, WebhookReceiver


@pytest.fixture
def receiver():
    with WebhookReceiver() as receiver:
        yield receiver


@contextmanager
def sending_to(*urls, clock=None, **settings):
    with Emulator(Settings(event_webhook=urls, **settings), clock) as emulator:
        ecr = client_of(emulator)
        if not ecr.describe_repositories()["repositories"]:
            ecr.create_repository(repositoryName="app")
        yield emulator


def push(emulator, *numbers):
    for number in numbers:
        put_image(client_of(emulator), "app", an_image(number), f"v{number}")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.DELIVERED), (204, Outcome.DELIVERED), (301, Outcome.REFUSED), (308, Outcome.REFUSED),
        (400, Outcome.REFUSED), (401, Outcome.REFUSED), (404, Outcome.REFUSED), (408, Outcome.FAILED),
        (409, Outcome.FAILED), (410, Outcome.GONE), (425, Outcome.FAILED), (429, Outcome.FAILED),
        (500, Outcome.FAILED), (503, Outcome.FAILED),
    ],
)  # fmt: skip
def test_the_status_decides(status, outcome):
    assert outcome_of(status) is outcome


def test_pauses_grow_to_a_minute_unless_the_receiver_asks_for_more():
    assert [pause_after(failures) for failures in (1, 2, 3, 6, 7, 500)] == [1, 2, 4, 32, 60, 60]
    assert (pause_after(1, 30), pause_after(7, 30), pause_after(1, 1e6)) == (30, 60, 300)


def test_a_receiver_gets_each_event_in_order_as_the_log_has_it(receiver):
    with sending_to(receiver.url) as emulator:
        push(emulator, *range(20))
        got = [receiver.next() for _ in range(20)]
        assert got == AdminClient(emulator.wsgi).get("/_ecr/events").json["events"]
    assert receiver.headers[0]["Content-Type"] == "application/json"
    assert receiver.headers[0]["User-Agent"].startswith("ecr-emulator/")


def test_a_receiver_gets_the_events_of_work_that_falls_due_while_nobody_asks(receiver):
    with sending_to(receiver.url, background_delay=0.1) as emulator:
        client_of(emulator).put_image_scanning_configuration(
            repositoryName="app", imageScanningConfiguration={"scanOnPush": True}
        )
        push(emulator, 1)
        assert [receiver.next()["detail-type"] for _ in range(2)] == ["ECR Image Action", "ECR Image Scan"]


def test_an_event_that_fails_is_sent_again_after_a_pause_and_before_later_ones(receiver, caplog):
    clock = SystemClock()
    receiver.answers += [503, 429, 500]
    with sending_to(receiver.url, clock=clock) as emulator, caplog.at_level(logging.INFO):
        push(emulator, 1, 2)
        times = [clock.elapsed()]
        got = [receiver.next()]
        for _ in range(3):
            got.append(receiver.next_after(lambda: clock.advance(timedelta(seconds=20))))
            times.append(clock.elapsed())
        got.append(receiver.next())
    assert [event["detail"]["image-tag"] for event in got] == ["v1", "v1", "v1", "v1", "v2"]
    pauses = [after - before for before, after in pairwise(times)]
    assert all(pause >= least for pause, least in zip(pauses, (1, 120, 4), strict=True)), pauses
    said = [record.getMessage() for record in caplog.records if "webhook" in record.getMessage()]
    name = f"webhook http://127.0.0.1:{receiver.port}"
    assert said == [f"{name}: the receiver answers 503; the event will be sent again", f"{name}: accepts events again"]


def test_an_event_is_dropped_when_it_is_a_day_old(receiver, caplog):
    clock = SystemClock()
    receiver.answers += [500, 500]
    with sending_to(receiver.url, clock=clock) as emulator:
        push(emulator, 1)
        receiver.next()
        push(emulator, 2)
        clock.advance(timedelta(days=1))
        assert receiver.tags(2) == ["v1", "v2"]
    assert "the receiver answers 500; event 00000000-0000-4000-8000-000000000001 is dropped" in caplog.text


def test_an_event_that_the_receiver_refuses_is_dropped(receiver, caplog):
    receiver.answers += [400, 307]
    with sending_to(receiver.url) as emulator:
        push(emulator, 1, 2, 3)
        assert receiver.tags(3) == ["v1", "v2", "v3"]
    assert "the receiver answers 400; event 00000000-0000-4000-8000-000000000001 is dropped" in caplog.text
    assert "the receiver answers 307; event 00000000-0000-4000-8000-000000000002 is dropped" in caplog.text
    assert "token=of-the-receiver" not in caplog.text


def test_a_receiver_that_is_gone_gets_nothing_until_a_restart(receiver, caplog, tmp_path):
    receiver.answers.append(410)
    with sending_to(receiver.url, data_dir=tmp_path) as emulator:
        push(emulator, 1)
        assert receiver.tags(1) == ["v1"]
        (webhook,) = emulator.event_delivery._webhooks._webhooks
        webhook._thread.join(PATIENCE)
        push(emulator, 2)
    assert "no more events are sent to it until a restart" in caplog.text
    with sending_to(receiver.url, data_dir=tmp_path):
        assert receiver.tags(2) == ["v1", "v2"]
    assert receiver.waiting == 0


def test_events_that_were_not_delivered_are_sent_after_a_restart(tmp_path):
    with WebhookReceiver() as first, sending_to(first.url, data_dir=tmp_path) as emulator:
        push(emulator, 1)
        assert first.tags(1) == ["v1"]
    with sending_to(first.url, data_dir=tmp_path) as emulator:  # nobody listens there now
        push(emulator, 2, 3)
    with WebhookReceiver(first.port) as again, sending_to(again.url, data_dir=tmp_path) as emulator:
        push(emulator, 4)
        assert again.tags(3) == ["v2", "v3", "v4"]
    assert again.waiting == 0


def test_a_new_receiver_begins_with_later_events_and_another_keeps_its_place(receiver, tmp_path):
    with sending_to(receiver.url, data_dir=tmp_path) as emulator:
        push(emulator, 1)
        assert receiver.tags(1) == ["v1"]
    with WebhookReceiver() as other, sending_to(receiver.url, other.url, data_dir=tmp_path) as emulator:
        push(emulator, 2)
        assert (receiver.tags(1), other.tags(1)) == (["v2"], ["v2"])
    assert (receiver.waiting, other.waiting) == (0, 0)


def test_a_receiver_that_was_left_out_once_begins_anew(receiver, tmp_path):
    with sending_to(receiver.url, data_dir=tmp_path) as emulator:
        push(emulator, 1)
        assert receiver.tags(1) == ["v1"]
    with sending_to(data_dir=tmp_path) as emulator:
        push(emulator, 2)
    with sending_to(receiver.url, data_dir=tmp_path) as emulator:
        push(emulator, 3)
        assert receiver.tags(1) == ["v3"]
    assert receiver.waiting == 0


def test_the_url_is_not_in_the_data_directory(receiver, tmp_path):
    with sending_to(receiver.url, data_dir=tmp_path) as emulator:
        push(emulator, 1)
        receiver.next()
    with closing(sqlite3.connect(tmp_path / "ecr.sqlite")) as database:
        stored = database.execute("SELECT value FROM state WHERE key = 'event-positions'").fetchone()[0]
    assert (b"of-the-receiver" in stored, b"127.0.0.1" in stored) == (False, False)


def test_the_last_events_are_sent_when_the_emulator_stops(receiver):
    may_answer = Event()
    receiver.answers.append(lambda: may_answer.wait(PATIENCE) and 204)
    with sending_to(receiver.url) as emulator:
        push(emulator, 1, 2, 3)
        receiver.next()
        may_answer.set()
    assert receiver.waiting == 2


def test_a_silent_receiver_holds_up_neither_pushes_nor_the_stop(receiver, monkeypatch):
    monkeypatch.setattr(webhooks, "LAST_SECONDS", 0.2)
    may_answer = Event()
    receiver.answers.append(lambda: may_answer.wait(PATIENCE) and 204)
    with sending_to(receiver.url) as emulator:
        push(emulator, 1)
        receiver.next()
        push(emulator, 2)
        began = monotonic()
    assert monotonic() - began < webhooks.ANSWER_SECONDS
    may_answer.set()


def test_a_receiver_that_cannot_be_reached_is_logged_once(caplog):
    with WebhookReceiver() as closed:
        pass
    with sending_to(closed.url) as emulator:
        push(emulator, 1, 2)
        while "the event will be sent again" not in caplog.text:
            emulator.event_delivery._feed.wait(2**63 - 1, 0.01, lambda: False)
    (line,) = [record.getMessage() for record in caplog.records if "webhook" in record.getMessage()]
    assert line.startswith(f"webhook http://127.0.0.1:{closed.port}: ")
    assert "refused" in line


def test_events_that_were_removed_are_counted(receiver, caplog):
    may_answer = Event()
    receiver.answers.append(lambda: may_answer.wait(PATIENCE) and 204)
    with sending_to(receiver.url, event_log_size=2) as emulator:
        push(emulator, 1)
        receiver.next()
        push(emulator, 2, 3, 4)
        may_answer.set()
        assert receiver.tags(2) == ["v3", "v4"]
    assert "1 events were removed before they were sent" in caplog.text


def test_a_reset_and_a_restored_snapshot_repeat_and_lose_nothing(receiver):
    with sending_to(receiver.url) as emulator:
        push(emulator, 1)
        receiver.next()
        snapshot = emulator.snapshots.take()
        push(emulator, 2)
        assert receiver.tags(1) == ["v2"]
        emulator.snapshots.restore(snapshot)
        push(emulator, 3)
        assert receiver.tags(1) == ["v3"]
        emulator.reset()
        client_of(emulator).create_repository(repositoryName="app")
        push(emulator, 4)
        assert receiver.tags(1) == ["v4"]
    assert receiver.waiting == 0


def test_the_history_of_a_loaded_state_is_not_sent(receiver, tmp_path):
    with Emulator(Settings()) as other:
        client_of(other).create_repository(repositoryName="app")
        push(other, *range(5))
        saved = AdminClient(other.wsgi).get("/_ecr/state").data
    with sending_to(receiver.url) as emulator:
        answer = AdminClient(emulator.wsgi).put("/_ecr/state", data=saved)
        assert answer.status_code == 200
        push(emulator, 6)
        assert receiver.tags(1) == ["v6"]
    assert receiver.waiting == 0
