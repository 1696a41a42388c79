"""Listings of repositories and images for people: orders, filters, pages and totals."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ecr_emulator.domain.listing import ORDERS, RegistryTotals
from ecr_emulator.domain.names import Registry
from ecr_emulator.ports.repositories import LayerPlace
from tests.support.images import an_image
from tests.support.storage import HOME, NOW, a_repository, row_counts, store_manifest

ORDERED = {
    "name": ["a", "b/app", "b/web", "c"],
    "images": ["c", "a", "b/app", "b/web"],
    "size": ["b/web", "a", "b/app", "c"],
    "created": ["b/app", "a", "b/web", "c"],
}


@pytest.fixture
def listed(store):
    """Store four repositories that each order lists differently."""
    with store.writing() as work:
        stored = {}
        for name in ("c", "b/web", "b/app", "a"):
            created_at = NOW + timedelta(days=name == "b/app")
            stored[name] = work.repositories.add(replace(a_repository(name), created_at=created_at))
        for seed in range(2):
            store_manifest(work, stored["c"], an_image(seed).raw)
        store_manifest(work, stored["a"], an_image().raw)
        work.layers.add(stored["b/web"], "sha256:1", 300, NOW)
        work.layers.add(stored["a"], "sha256:1", 300, NOW)
        work.layers.add(stored["b/web"], "sha256:2", 5, NOW)
        work.repositories.add(a_repository("elsewhere", Registry(HOME.id, "us-east-1")))
    return store


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("limit", [1, 3, 10])
def test_each_order_lists_every_repository_once_page_after_page(listed, order, limit):
    found, after = [], None
    with listed.reading() as work:
        while page := work.listings.repositories(HOME, "", order, after, limit):
            assert len(page) <= limit
            found += [each.repository.name for each in page]
            after = page[-1].place
    assert found == ORDERED[order]


@pytest.mark.parametrize("order", ORDERS)
def test_a_filter_finds_a_part_of_the_name(listed, order):
    with listed.reading() as work:
        assert {each.repository.name for each in work.listings.repositories(HOME, "b/", order, None, 10)} == {
            "b/app",
            "b/web",
        }
        assert work.listings.repositories(HOME, "%", order, None, 10) == []


def test_totals_count_images_and_layers_of_each_repository(listed):
    with listed.reading() as work:
        assert work.listings.totals(HOME) == RegistryTotals(4, 3, 605)
        assert work.listings.totals(Registry("000000000000", "eu-west-1")) == RegistryTotals(0, 0, 0)
        assert [each.region for each in work.listings.registries()] == ["eu-west-1", "us-east-1"]


def test_the_bytes_of_a_repository_follow_its_layers(store, repository):
    def layer_bytes():
        with store.reading() as work:
            return work.listings.totals(HOME).layer_bytes

    with store.writing() as work:
        work.layers.add(repository, "sha256:1", 300, NOW)
        work.layers.add(repository, "sha256:2", 5, NOW + timedelta(hours=1))
        work.layers.add(repository, "sha256:1", 300, NOW)
    assert layer_bytes() == 305
    with store.writing() as work:
        work.layers.remove_loose(NOW + timedelta(minutes=1), LayerPlace(), 10)
    assert layer_bytes() == 5
    with store.writing() as work:
        work.repositories.remove(repository)
    assert layer_bytes() == 0
    assert row_counts(store)["layers"] == 0


def test_images_are_listed_newest_first_page_after_page(store, repository):
    with store.writing() as work:
        images = [store_manifest(work, repository, an_image(seed).raw) for seed in range(5)]
        for image, days in zip(images, (3, 1, 1, 2, 0), strict=True):
            work.images.save(replace(image, pushed_at=NOW + timedelta(days=days)))
    expected = [images[place].digest for place in (0, 3, 2, 1, 4)]
    found, after = [], None
    with store.reading() as work:
        while page := work.listings.images(repository, after, 2):
            found += [image.digest for image in page]
            after = page[-1].pushed_at, page[-1].key
    assert found == expected


def test_tags_with_a_prefix_are_listed_with_their_images(store, repository):
    with store.writing() as work:
        one = store_manifest(work, repository, an_image(1).raw, "v1", "v1.1", "v2", "latest", "v")
        two = store_manifest(work, repository, an_image(2).raw, "v1-beta", "w")
    with store.reading() as work:
        found = work.listings.tagged_images(repository, "v1", "", 10)
        assert [(tag, image.digest) for tag, image in found] == [
            ("v1", one.digest),
            ("v1-beta", two.digest),
            ("v1.1", one.digest),
        ]
        assert found[0][1].tags == one.tags
        assert [tag for tag, _ in work.listings.tagged_images(repository, "v", "v1-beta", 2)] == ["v1.1", "v2"]
        assert len(work.listings.tagged_images(repository, "", "", 10)) == 7


def test_tags_are_found_among_many_names(store, repository):
    with store.writing() as work:
        other = work.repositories.add(a_repository("team/other"))
        store_manifest(work, repository, an_image(1).raw, "v1", "v2")
        store_manifest(work, other, an_image(1).raw, "v3")
    with store.reading() as work:
        assert work.listings.tags_among(repository, ["v0", "v2", "v3", "v1"]) == {"v1", "v2"}
        assert work.listings.tags_among(repository, []) == set()
