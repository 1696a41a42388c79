"""A move of the clock runs the tasks that became due, before its answer and after a restart."""

from __future__ import annotations

from datetime import timedelta

import pytest
from werkzeug.test import Client

from ecr_emulator.domain.task import Task
from ecr_emulator.emulator import Emulator
from ecr_emulator.services import background
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
from tests.support.clock import FrozenClock
from tests.support.images import an_image, put_image

RULE = {"destinations": [{"region": "eu-west-1", "registryId": "111122223333"}]}
DELAYED = 60.0


def replicating(emulator):
    """Push an image whose replication is pending."""
    ecr = client_of(emulator)
    ecr.put_replication_configuration(replicationConfiguration={"rules": [RULE]})
    ecr.create_repository(repositoryName="team/app")
    put_image(ecr, "team/app", an_image(), "v1")
    return ecr


def status(ecr):
    answer = ecr.describe_image_replication_status(repositoryName="team/app", imageId={"imageTag": "v1"})
    return answer["replicationStatuses"][0]["status"]


def events(emulator):
    return [event["detail-type"] for event in Client(emulator.wsgi).get("/_ecr/events").json["events"]]


def test_a_clock_move_runs_due_tasks_before_its_answer():
    with Emulator(Settings(background_delay=DELAYED), FrozenClock()) as emulator:
        replicating(emulator)
        assert events(emulator) == ["ECR Image Action"]
        Client(emulator.wsgi).post("/_ecr/clock", json={"advance": "61s"})
        with emulator.services.store.reading() as work:
            assert [event.detail_type for event in work.events.after(1, 10)] == ["ECR Replication Action"]


def test_pending_tasks_run_after_a_restart(tmp_path):
    clock = FrozenClock()
    settings = Settings(data_dir=tmp_path / "state", background_delay=DELAYED)
    with Emulator(settings, clock) as emulator:
        assert status(replicating(emulator)) == "IN_PROGRESS"
    clock.advance(timedelta(minutes=2))
    with Emulator(settings, clock) as emulator:
        assert status(client_of(emulator)) == "COMPLETE"


def test_a_reset_deletes_pending_tasks():
    clock = FrozenClock()
    with Emulator(Settings(background_delay=DELAYED), clock) as emulator:
        replicating(emulator)
        emulator.reset()
        clock.advance(timedelta(minutes=2))
        assert events(emulator) == []


@pytest.fixture
def explosive(monkeypatch):
    """Register a kind of task that fails."""

    def explode(work, task, now):
        work.registry_documents.put(None, "half done", True)

    monkeypatch.setitem(background.KINDS, "explode", explode)
    return "explode"


def test_a_failed_task_is_logged_and_dropped_and_others_run(client, explosive, caplog):
    now = client.emulator.clock.now()
    with client.emulator.services.store.writing() as work:
        work.tasks.add(Task("explode today", explosive, now))
    assert status(replicating(client.emulator)) == "COMPLETE"
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "explode today failed and is given up"
    ]


def test_a_task_that_is_added_twice_runs_once_at_its_later_time(client):
    store, now = client.emulator.services.store, client.emulator.clock.now()
    later = store.next_due
    with store.writing() as work:
        work.tasks.add(Task("sign", "sign", now))
        work.tasks.add(Task("sign", "sign", now + timedelta(hours=1)))
    assert store.next_due == now + timedelta(hours=1)
    with store.writing() as work:
        work.tasks.remove("sign")
        assert work.tasks.due(now + timedelta(hours=2)) is None
    assert store.next_due == later


def test_a_task_of_a_failed_unit_of_work_is_not_due(client):
    store, now = client.emulator.services.store, client.emulator.clock.now()
    later = store.next_due

    def fail():
        with store.writing() as work:
            work.tasks.add(Task("sign", "sign", now))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.next_due == later
