"""Layers and upload sessions, as ``ports.repositories.Layers`` and ``ports.repositories.Uploads`` define them."""

from dataclasses import replace

import pytest

from ecr_emulator.domain.image import Layer
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.upload import Upload
from ecr_emulator.errors import RepositoryNotFoundException, UploadNotFoundException
from tests.support.images import an_image
from tests.support.storage import HOME, NOW, a_repository, store_manifest

UPLOAD_ID = "3f0c1b1e-0000-4000-8000-000000000001"


def digest(number):
    return f"sha256:{number:064x}"


def test_a_layer_has_the_media_type_of_its_reference(store, repository):
    image = an_image()
    layer = image.layers[0]
    with store.writing() as work:
        work.layers.add(repository, layer.digest, layer.size, NOW)
        work.layers.add(repository, layer.digest, layer.size, NOW)
        assert work.layers.find(repository, layer.digest) == Layer(layer.digest, layer.size)
        store_manifest(work, repository, image.raw)
        assert work.layers.find(repository, layer.digest) == Layer(layer.digest, layer.size, layer.media_type)


def test_a_layer_that_is_referenced_but_not_uploaded_has_its_size_and_type(store, repository):
    image = an_image()
    layer = image.layers[0]
    with store.writing() as work:
        stored = store_manifest(work, repository, image.raw)
        other = work.repositories.add(a_repository("other"))
        assert work.layers.find(repository, layer.digest) is None
        assert work.layers.referenced(repository, layer.digest) == Layer(layer.digest, layer.size, layer.media_type)
        assert work.layers.referenced(other, layer.digest) is None
        work.images.remove(repository, stored)
        assert work.layers.referenced(repository, layer.digest) is None


def test_missing_layers_are_named_once_in_the_order_given(store, repository):
    with store.writing() as work:
        work.layers.add(repository, digest(2), 1, NOW)
        wanted = (digest(number) for number in (3, 2, 1, 3))
        assert work.layers.missing(repository, wanted) == [digest(3), digest(1)]
        assert work.layers.missing(repository, []) == []


def test_a_manifest_may_have_more_layers_than_sqlite_has_parameters(store, repository):
    many = [digest(number) for number in range(40_000)]
    with store.reading() as work:
        assert work.layers.missing(repository, many) == many


def test_holders_are_repositories_of_the_same_registry(store, repository):
    with store.writing() as work:
        for each in (repository, *map(work.repositories.add, (a_repository("a"), a_repository("b")))):
            if each.name != "b":
                work.layers.add(each, digest(1), 1, NOW)
        stranger = work.repositories.add(a_repository(registry=Registry("210987654321", "eu-west-1")))
        work.layers.add(stranger, digest(1), 1, NOW)
    with store.reading() as work:
        assert work.layers.holders(HOME, digest(1)) == ["a", "team/app"]


def test_an_upload_is_added_changed_and_removed(store, repository):
    upload = Upload(UPLOAD_ID, repository.key, NOW)
    advanced = replace(upload, size=2**33, parts=3, last_part_size=7, has_small_part=True)
    with store.writing() as work:
        work.uploads.add(repository, upload)
        assert work.uploads.get(repository, UPLOAD_ID) == upload
        work.uploads.save(repository, advanced)
        assert work.uploads.get(repository, UPLOAD_ID) == advanced
        assert work.uploads.ids() == {UPLOAD_ID}
        work.uploads.remove(repository, advanced)
        for what in (work.uploads.save, work.uploads.remove):
            with pytest.raises(UploadNotFoundException, match=UPLOAD_ID):
                what(repository, advanced)
        with pytest.raises(UploadNotFoundException, match=UPLOAD_ID):
            work.uploads.get(repository, UPLOAD_ID)


def test_an_upload_belongs_to_its_repository(store, repository):
    with store.writing() as work:
        other = work.repositories.add(a_repository("other"))
        work.uploads.add(repository, Upload(UPLOAD_ID, repository.key, NOW))
        with pytest.raises(UploadNotFoundException):
            work.uploads.get(other, UPLOAD_ID)


def test_nothing_can_be_added_to_a_repository_that_is_gone(store, repository):
    with store.writing() as work:
        work.repositories.remove(repository)
    with pytest.raises(RepositoryNotFoundException), store.writing() as work:
        work.layers.add(repository, digest(1), 1, NOW)
    with pytest.raises(RepositoryNotFoundException), store.writing() as work:
        work.uploads.add(repository, Upload(UPLOAD_ID, repository.key, NOW))
