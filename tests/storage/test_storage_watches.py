"""Watches end with the commits that may change the answer to a pull, and with no others."""

from dataclasses import replace
from datetime import timedelta
from threading import Thread

import pytest

from ecr_emulator.domain.events import Event
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.task import Task
from ecr_emulator.domain.upload import Upload
from ecr_emulator.domain.validation_timer import Validation
from ecr_emulator.ports.repositories import LayerPlace
from ecr_emulator.storage.watches import Changes, Watches
from tests.support.images import an_image
from tests.support.storage import HOME, NOW, a_repository, store_manifest

DIGEST = f"sha256:{'0' * 64}"
RULE = PullThroughRule(HOME, "quay", "quay.io", "quay", NOW, NOW)


@pytest.fixture
def image(store, repository):
    with store.writing() as work:
        return store_manifest(work, repository, an_image(1).raw, "v1")


@pytest.fixture
def other(store):
    with store.writing() as work:
        return work.repositories.add(a_repository("team/other"))


def watched(store, repository):
    with store.reading() as work:
        return work.watch(repository)


CHANGES = {
    "a moved tag": lambda work, repository, image: store_manifest(work, repository, an_image(2).raw, "v1"),
    "a tag that is put again": lambda work, repository, image: work.tags.put(repository, "v1", image, NOW),
    "a removed tag": lambda work, repository, image: work.tags.remove(repository, "v1"),
    "a removed image": lambda work, repository, image: work.images.remove(repository, image),
    "a validation": lambda work, repository, image: work.tags.save_validation(repository, "v1", Validation(NOW)),
    "settings": lambda work, repository, image: work.repositories.save(replace(repository, scan_on_push=True)),
    "its removal": lambda work, repository, image: work.repositories.remove(repository),
}
CHANGES_OF_ALL = {
    "the state of an image": lambda work, repository, image: work.images.save(replace(image, status="ARCHIVED")),
    "a rule": lambda work, repository, image: work.rules.add(RULE),
    "a setting of the registry": lambda work, repository, image: work.registry_documents.put(HOME, "any", {}),
    "a mended manifest": lambda work, repository, image: work.images.mend(image.digest, b"{}"),
    "layers that nobody needs": lambda work, repository, image: (
        work.layers.add(repository, DIGEST, 10, NOW),
        work.layers.remove_loose(NOW + timedelta(days=1), LayerPlace(), 10),
    ),
}
NOT_SEEN = {
    "nothing": lambda work, repository, image: None,
    "a new image": lambda work, repository, image: store_manifest(work, repository, an_image(2).raw, "v2"),
    "a new tag": lambda work, repository, image: work.tags.put(repository, "v2", image, NOW),
    "a new layer": lambda work, repository, image: work.layers.add(repository, DIGEST, 10, NOW),
    "a later grace of a layer": lambda work, repository, image: (
        work.layers.add(repository, DIGEST, 10, NOW),
        work.layers.touch(repository, DIGEST, NOW + timedelta(hours=1)),
    ),
    "the time of a pull": lambda work, repository, image: work.images.pulled(image.key, NOW),
    "an event": lambda work, repository, image: work.events.add(Event(HOME, NOW, "ECR Image Action", {})),
    "a task": lambda work, repository, image: work.tasks.add(Task("key", "kind", NOW, {})),
    "an upload": lambda work, repository, image: work.uploads.add(repository, Upload("id", repository.key, NOW)),
    "a new repository": lambda work, repository, image: work.repositories.add(a_repository("team/new")),
    "a manifest that is there": lambda work, repository, image: work.images.mend(image.digest, an_image(1).raw),
    "a removal of nothing": lambda work, repository, image: work.tags.remove(repository, "nothing"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_a_repository_ends_its_watch_alone(store, repository, other, image, change):
    watch, watch_of_other = watched(store, repository), watched(store, other)
    with store.writing() as work:
        CHANGES[change](work, repository, image)
        assert watch.is_unchanged
    assert not watch.is_unchanged
    assert watch_of_other.is_unchanged


@pytest.mark.parametrize("change", CHANGES_OF_ALL)
def test_a_change_that_may_concern_any_repository_ends_all_watches(store, repository, other, image, change):
    watches = watched(store, repository), watched(store, other)
    with store.writing() as work:
        CHANGES_OF_ALL[change](work, repository, image)
    assert [watch.is_unchanged for watch in watches] == [False, False]


@pytest.mark.parametrize("change", NOT_SEEN)
def test_no_other_write_ends_a_watch(store, repository, image, change):
    watch = watched(store, repository)
    with store.writing() as work:
        NOT_SEEN[change](work, repository, image)
    assert watch.is_unchanged
    assert watched(store, repository) is watch


def test_a_unit_that_fails_ends_no_watch(store, repository, image):
    watch = watched(store, repository)

    def tag_and_fail():
        with store.writing() as work:
            work.tags.put(repository, "v1", image, NOW)
            raise KeyError

    with pytest.raises(KeyError):
        tag_and_fail()
    assert watch.is_unchanged


def test_the_totals_of_blobs_follow_new_layers(store, repository):
    def totals():
        with store.reading() as work:
            return work.inventory.blob_totals()

    assert totals() == (0, 0)
    with store.writing() as work:
        work.layers.add(repository, DIGEST, 10, NOW)
    assert totals() == (1, 10)


def test_a_reset_ends_all_watches(store, repository):
    watch = watched(store, repository)
    store.reset()
    assert not watch.is_unchanged


def test_a_unit_that_may_see_an_older_state_gets_no_watch(store, repository, image):
    def tag():
        with store.writing() as work:
            assert work.watch(repository) is None
            work.tags.put(repository, "v1", image, NOW)

    with store.reading() as work:
        writer = Thread(target=tag)
        writer.start()
        writer.join()
        assert work.watch(repository) is None
    assert watched(store, repository).is_unchanged


def test_news_of_another_node_during_a_commit_give_no_reader_a_watch():
    watches, everything = Watches(), Changes()
    everything.add(None)
    before = watches.commits
    with watches.ended_by(everything):
        during = watches.commits
        watches.end(everything)
        afterwards = watches.commits
        assert [watches.watch(1, since) for since in (before, during, afterwards)] == [None] * 3
    assert [watches.watch(1, since) for since in (before, during, afterwards)] == [None] * 3
    assert watches.watch(1, watches.commits).is_unchanged
