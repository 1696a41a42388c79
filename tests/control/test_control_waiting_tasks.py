"""The list of waiting tasks: their purpose, their subject, and the time at which each is performed."""

from datetime import timedelta

import pytest

from ecr_emulator.domain.names import Registry
from ecr_emulator.services import waiting_tasks
from ecr_emulator.services.waiting_tasks import PURPOSES, WaitingTasks
from tests.support.images import an_image, put_image
from tests.support.lifecycle import DAY, keep, policy

DELAY = timedelta(minutes=5)
HOME = Registry("000000000000", "us-east-1")


@pytest.fixture
def background_delay():
    return DELAY


@pytest.fixture
def page(services):
    """Return a function that lists a page of the tasks of a registry."""
    return lambda registry=HOME, after=None, limit=100: WaitingTasks(services.store, services.background).page(
        registry, after, limit
    )


def put_policy(ecr, name):
    ecr.create_repository(repositoryName=name)
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=policy(keep()))


def test_each_kind_of_task_has_a_purpose(services):
    assert PURPOSES.keys() == services.background.kinds


def test_a_task_tells_its_purpose_its_subject_and_its_time(ecr, clock, page):
    put_policy(ecr, "team/app")
    put_at = clock.now()
    clock.advance(timedelta(hours=1))
    digest = put_image(ecr, "team/app", an_image(), "v1")
    ecr.start_image_scan(repositoryName="team/app", imageId={"imageDigest": digest})
    scan, evaluation = page().tasks
    assert (scan.purpose, scan.repository, scan.digest, scan.due_at) == (
        "Scan the image", "team/app", digest, clock.now() + DELAY,
    )  # fmt: skip
    assert (evaluation.purpose, evaluation.digest) == ("Evaluate the lifecycle policy", None)
    assert evaluation.due_at == put_at + DAY + DELAY


def test_a_replication_tells_its_destination_and_its_tag(ecr, page):
    destination = {"region": "eu-west-1", "registryId": HOME.id}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [destination]}]})
    ecr.create_repository(repositoryName="team/app")
    put_image(ecr, "team/app", an_image(), "v1")
    (task,) = page().tasks
    assert (task.purpose, task.tag, task.destination) == ("Replicate the image", "v1", Registry(HOME.id, "eu-west-1"))


def test_the_time_is_the_one_at_which_the_task_is_performed(ecr, clock, services, page):
    ecr.create_repository(repositoryName="team/app")
    digest = put_image(ecr, "team/app", an_image(), "v1")
    ecr.start_image_scan(repositoryName="team/app", imageId={"imageDigest": digest})
    (scan,) = page().tasks
    services.background.catch_up(scan.due_at - timedelta(milliseconds=1))
    assert page().tasks == [scan]
    services.background.catch_up(scan.due_at)
    assert page().tasks == []


def test_a_registry_lists_its_own_tasks_and_those_of_all_registries(ecr, ecr_of, clock, services, page):
    put_policy(ecr, "ours")
    put_policy(ecr_of(account="123456789012"), "theirs")
    services.garbage_collector.schedule(clock.now())
    assert [task.repository for task in page().tasks] == [None, "ours"]
    assert [task.repository for task in page(Registry("123456789012", "us-east-1")).tasks] == [None, "theirs"]


@pytest.mark.parametrize("batch", [1, 2, 500])
def test_pages_list_each_task_once(ecr, ecr_of, clock, page, monkeypatch, batch):
    monkeypatch.setattr(waiting_tasks, "BATCH", batch)
    names = [f"r{number}" for number in range(5)]
    for name in names:
        put_policy(ecr, name)
        put_policy(ecr_of(account="123456789012"), name)
    found, after = [], None
    while True:
        tasks, after = page(after=after, limit=2)
        found += [task.repository for task in tasks]
        if after is None:
            break
    assert found == names


def test_a_page_ends_after_many_tasks_of_other_registries(ecr, ecr_of, clock, page, monkeypatch):
    monkeypatch.setattr(waiting_tasks, "BATCH", 2)
    monkeypatch.setattr(waiting_tasks, "MOST_READ", 4)
    for number in range(5):
        put_policy(ecr_of(account="123456789012"), f"r{number}")
    clock.advance(DELAY)
    put_policy(ecr, "last")
    first = page()
    assert first.tasks == []
    assert [task.repository for task in page(after=first.after).tasks] == ["last"]
