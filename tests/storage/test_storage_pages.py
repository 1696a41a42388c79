"""Pages for people, by keys: waiting tasks, events before another, and cached tags with their validations."""

from datetime import timedelta

import pytest

from ecr_emulator.domain.events import Event
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.task import Task
from ecr_emulator.domain.validation_timer import Validation
from tests.support.images import an_image
from tests.support.storage import HOME, NOW, a_repository, store_manifest

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_tasks_are_listed_by_time_and_then_by_key(store, limit):
    tasks = [Task(key, "scan", NOW + SECOND * second) for key, second in (("b", 1), ("a", 1), ("c", 0), ("z", 2))]
    with store.writing() as work:
        for task in tasks:
            work.tasks.add(task)
    found, after = [], None
    with store.reading() as work:
        while page := work.tasks.page(after, limit):
            assert len(page) <= limit
            found += [task.key for task in page]
            after = page[-1].place
    assert found == ["c", "a", "b", "z"]


def test_events_before_another_are_those_of_a_registry_newest_first(store):
    elsewhere = Registry(HOME.id, "ap-south-1")
    with store.writing() as work:
        for number, registry in enumerate((HOME, elsewhere, HOME, HOME)):
            work.events.add(Event(registry, NOW, "ECR Image Action", {"number": number}))
    with store.reading() as work:
        newest = work.events.newest_key()
        first = work.events.before(HOME, newest + 1, 2)
        assert [event.detail["number"] for event in first] == [3, 2]
        assert [event.detail["number"] for event in work.events.before(HOME, first[-1].key, 2)] == [0]
        assert [event.detail["number"] for event in work.events.before(elsewhere, 2**63 - 1, 5)] == [1]


def test_cached_tags_have_their_digests_and_validations(store):
    validation = Validation(NOW, NOW + SECOND, 2, "quay.io answered 503")
    with store.writing() as work:
        repository = work.repositories.add(a_repository("quay/app"))
        other = work.repositories.add(a_repository("quay/other"))
        images = [store_manifest(work, each, an_image(seed).raw) for seed, each in enumerate((repository, other))]
        for tag in ("v1", "v2", "v3"):
            work.tags.put(repository, tag, images[0], NOW)
            work.tags.put(other, tag, images[1], NOW)
        work.tags.save_validation(repository, "v2", validation)
        work.tags.save_validation(other, "v3", validation)
    with store.reading() as work:
        digest = images[0].digest
        assert work.tags.cached_page(repository, "", 2) == [("v1", digest, None), ("v2", digest, validation)]
        assert work.tags.cached_page(repository, "v2", 2) == [("v3", digest, None)]
