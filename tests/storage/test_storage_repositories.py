"""Repositories, as ``ports.repositories.Repositories`` promises them."""

from dataclasses import replace

import pytest

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Encryption, TagMutability
from ecr_emulator.domain.upload import Upload
from ecr_emulator.domain.validation_timer import Validation
from ecr_emulator.errors import RepositoryAlreadyExistsException, RepositoryNotFoundException
from tests.support.images import an_image
from tests.support.storage import HOME, NOW, a_repository, row_counts, store_manifest

ELSEWHERE = [Registry("123456789012", "us-east-1"), Registry("210987654321", "eu-west-1")]


def test_a_repository_comes_back_as_it_was_stored(store):
    repository = replace(
        a_repository(),
        mutability=TagMutability("IMMUTABLE_WITH_EXCLUSION", ("dev-*", "latest")),
        encryption=Encryption("KMS", "arn:aws:kms:eu-west-1:123456789012:key/k"),
        scan_on_push=True,
        policy='{"Version": "2012-10-17"}',
        lifecycle_policy='{"rules": []}',
        resource_tags={"Grüße": "an alle"},
    )
    with store.writing() as work:
        stored = work.repositories.add(repository)
    assert stored.key > 0
    with store.reading() as work:
        assert work.repositories.find(HOME, "team/app") == replace(repository, key=stored.key)


def test_changed_settings_are_stored(store, repository):
    changed = replace(repository, scan_on_push=True, policy="{}", resource_tags={"a": "b"})
    with store.writing() as work:
        work.repositories.save(changed)
    with store.reading() as work:
        assert work.repositories.get(HOME, "team/app") == changed


@pytest.mark.parametrize("registry", ELSEWHERE)
def test_a_registry_sees_its_own_repositories_only(store, repository, registry):
    with store.writing() as work:
        assert work.repositories.find(registry, repository.name) is None
        work.repositories.add(a_repository(registry=registry))
        assert len(work.repositories.page(registry, "", 10)) == 1
        assert work.repositories.page(HOME, "", 10) == [repository]


def test_a_name_is_taken_once(store, repository):
    with pytest.raises(RepositoryAlreadyExistsException, match="'team/app' already exists"), store.writing() as work:
        work.repositories.add(a_repository())


def test_a_missing_repository_is_not_found(store):
    with store.reading() as work:
        assert work.repositories.find(HOME, "nothing") is None
        with pytest.raises(RepositoryNotFoundException, match="'nothing' does not exist"):
            work.repositories.get(HOME, "nothing")


def test_repositories_are_listed_by_name(store):
    with store.writing() as work:
        for name in ("b", "a/z", "a-b", "a/b"):
            work.repositories.add(a_repository(name))
    with store.reading() as work:
        assert [each.name for each in work.repositories.page(HOME, "", 3)] == ["a-b", "a/b", "a/z"]
        assert [each.name for each in work.repositories.page(HOME, "a/z", 3)] == ["b"]


EVERYTHING = ("repositories", "manifests", "images", "image_references", "tags", "validations", "layers", "uploads")


def test_a_removed_repository_takes_everything_along(store, repository):
    with store.writing() as work:
        image = an_image()
        store_manifest(work, repository, image.raw, "v1")
        work.layers.add(repository, image.blobs[0].digest, 5, NOW)
        work.uploads.add(repository, Upload("3f0c1b1e-0000-4000-8000-000000000001", repository.key, NOW))
        work.tags.save_validation(repository, "v1", Validation(NOW))
    before = row_counts(store)
    with store.writing() as work:
        work.repositories.remove(repository)
    assert min(before[table] for table in EVERYTHING) > 0
    assert [table for table in EVERYTHING if row_counts(store)[table]] == []


def test_the_key_of_a_removed_repository_is_not_used_again(store, repository):
    with store.writing() as work:
        work.repositories.remove(repository)
        assert work.repositories.add(a_repository("next")).key != repository.key
        with pytest.raises(RepositoryNotFoundException):
            work.layers.add(repository, "sha256:" + "0" * 64, 1, NOW)


def test_a_registry_counts_its_own_repositories(store, repository):
    with store.writing() as work:
        work.repositories.add(a_repository("other"))
        work.repositories.add(a_repository(registry=ELSEWHERE[0]))
        assert work.repositories.count(HOME) == 2
        for _ in range(2):  # it is gone the second time
            work.repositories.remove(repository)
        assert [work.repositories.count(each) for each in (HOME, ELSEWHERE[0], ELSEWHERE[1])] == [1, 1, 0]


def test_a_name_that_is_taken_is_counted_once(store, repository):
    with pytest.raises(RepositoryAlreadyExistsException), store.writing() as work:
        work.repositories.add(a_repository(repository.name))
    with store.reading() as work:
        assert work.repositories.count(HOME) == 1
