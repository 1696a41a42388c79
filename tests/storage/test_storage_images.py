"""Images and tags, as ``ports.images.Images`` and ``ports.images.Tags`` define them."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from ecr_emulator.domain.image import Image, ImageFilter, Layer, StoredManifest
from ecr_emulator.domain.manifest import read_manifest
from ecr_emulator.domain.validation_timer import Validation
from ecr_emulator.errors import ImageAlreadyExistsException
from ecr_emulator.ports.repositories import LayerPlace
from ecr_emulator.testing.upstream.images import FOREIGN_LAYER
from tests.support.images import an_image, an_index
from tests.support.storage import NOW, a_repository, row_counts, store_manifest


def test_an_image_comes_back_with_its_tags_in_order(store, repository):
    with store.writing() as work:
        image = store_manifest(work, repository, an_image().raw, "v2", "V1", "v10")
    with store.reading() as work:
        assert work.images.find(repository, image.digest) == image
        assert work.tags.find(repository, "v10") == image
        assert work.images.find(repository, image.digest).tags == ("V1", "v10", "v2")


def test_an_image_can_be_added_with_tags_that_leave_another(store, repository):
    manifest = read_manifest(an_image(2).raw)
    new = Image(an_image(2).digest, manifest.media_type, NOW, manifest.size_in_bytes, tags=("v1", "v2"))
    with store.writing() as work:
        old = store_manifest(work, repository, an_image(1).raw, "v1")
        new = work.images.add(repository, new, manifest, an_image(2).raw)
    with store.reading() as work:
        assert work.images.find(repository, new.digest) == work.tags.find(repository, "v1") == new
        assert work.images.filtered_page(repository, "", 10, ImageFilter("TAGGED")) == [new]
        assert work.images.filtered_page(repository, "", 10, ImageFilter("UNTAGGED")) == [replace(old, tags=())]


def test_a_manifest_is_served_byte_for_byte(store, repository):
    raw = an_image().raw + b"\n"
    with store.writing() as work:
        image = store_manifest(work, repository, raw)
    with store.reading() as work:
        assert work.images.manifest(image) == StoredManifest(image.digest, image.media_type, raw)


def test_a_digest_is_stored_once_in_a_repository(store, repository):
    with store.writing() as work:
        store_manifest(work, repository, an_image().raw)
        with pytest.raises(ImageAlreadyExistsException, match="already exists"):
            store_manifest(work, repository, an_image().raw)


def test_a_manifest_lives_as_long_as_an_image_has_it(store, repository):
    with store.writing() as work:
        other = work.repositories.add(a_repository("other"))
        images = [store_manifest(work, each, an_image().raw) for each in (repository, other)]
    assert row_counts(store)["manifests"] == 1
    with store.writing() as work:
        work.images.remove(repository, images[0])
        assert work.images.manifest(images[1]).raw == an_image().raw
        work.images.remove(other, images[1])
    assert row_counts(store)["manifests"] == 0


def test_a_removed_image_takes_its_tags_and_references_along(store, repository):
    with store.writing() as work:
        image = store_manifest(work, repository, an_image().raw, "v1")
        work.tags.save_validation(repository, "v1", Validation(NOW))
        work.images.remove(repository, image)
        assert work.tags.find(repository, "v1") is None
    counts = row_counts(store)
    assert (counts["tags"], counts["validations"], counts["image_references"]) == (0, 0, 0)


def test_several_images_are_found_and_removed_together(store, repository):
    with store.writing() as work:
        one, two, three = (store_manifest(work, repository, an_image(seed).raw, f"v{seed}") for seed in range(3))
        other = work.repositories.add(a_repository("other"))
        elsewhere = store_manifest(work, other, an_image(1).raw)
    digests = [each.digest for each in (two, three)]
    with store.writing() as work:
        assert work.images.find_all(repository, [*digests, f"sha256:{0:064}"]) == {two.digest: two, three.digest: three}
        assert work.images.find_all(repository, []) == {}
        work.images.remove(repository, two, three, two)
        assert work.images.find_all(repository, digests) == {}
        assert work.images.page(repository, "", 5) == [one]
        assert (work.images.count(repository), work.images.count(other)) == (1, 1)
        assert work.images.find_all(other, digests) == {two.digest: elsewhere}


def test_images_are_listed_by_digest_with_their_tags(store, repository):
    with store.writing() as work:
        stored = [store_manifest(work, repository, an_image(seed).raw, f"v{seed}", "latest") for seed in range(5)]
    stored = sorted((replace(each, tags=each.tags[1:]) for each in stored), key=lambda image: image.digest)
    latest = max(range(5), key=lambda place: stored[place].tags)
    stored[latest] = replace(stored[latest], tags=("latest", *stored[latest].tags))
    with store.reading() as work:
        assert work.images.count(repository) == 5
        assert work.images.page(repository, "", 3) == stored[:3]
        assert work.images.page(repository, stored[2].digest, 3) == stored[3:]


def test_the_number_of_images_follows_every_change(store, repository):
    with store.writing() as work:
        kept, gone = (store_manifest(work, repository, an_image(seed).raw, f"v{seed}") for seed in (1, 2))
        other = work.repositories.add(a_repository("other"))
        store_manifest(work, other, an_image(1).raw)
    with store.writing() as work:
        work.images.remove(repository, gone)
        work.images.remove(repository, gone)
        work.images.save(replace(kept, status="ARCHIVED"))
        work.repositories.save(replace(repository, scan_on_push=True))
    with pytest.raises(ImageAlreadyExistsException), store.writing() as work:
        [store_manifest(work, repository, an_image(seed).raw) for seed in (3, 1)]
    with store.writing() as work:
        assert (work.images.count(repository), work.images.count(other)) == (1, 1)
        work.repositories.remove(other)
        assert work.images.count(other) == 0
        assert work.images.count(work.repositories.add(a_repository("other"))) == 0


def untagged(work, repository):
    found = work.images.filtered_page(repository, "", 100, ImageFilter("UNTAGGED"))
    assert found == [image for image in work.images.page(repository, "", 100) if not image.tags]
    return {image.digest for image in found}


def test_untagged_images_are_found_after_every_change_of_tags(store, repository):
    with store.writing() as work:
        first, second, third = (store_manifest(work, repository, an_image(seed).raw, f"v{seed}") for seed in range(3))
        assert untagged(work, repository) == set()
        work.tags.put(repository, "v0", second, NOW)
        assert untagged(work, repository) == {first.digest}
        work.tags.remove(repository, "v2")
        assert untagged(work, repository) == {first.digest, third.digest}
        work.tags.remove(repository, "v1")
        work.tags.put(repository, "v3", third, NOW)
        work.tags.put(repository, "v3", third, NOW)
        assert untagged(work, repository) == {first.digest}
        work.images.remove(repository, first)
        assert untagged(work, repository) == set()


def test_a_page_mixes_what_a_filter_admits(store, repository):
    with store.writing() as work:
        stored = [store_manifest(work, repository, an_image(seed).raw, *["t"] * (seed == 1)) for seed in range(6)]
        work.images.save(replace(stored[2], status="ARCHIVED"))
        everything = work.images.page(repository, "", 100)
        for chosen in (
            ImageFilter(tag, status) for tag in ("ANY", "TAGGED") for status in ("ANY", "ARCHIVED", "ACTIVE")
        ):
            expected = [image for image in everything if chosen.admits(image)]
            first = work.images.filtered_page(repository, "", 2, chosen)
            after = first[-1].digest if first else "z"
            assert first + work.images.filtered_page(repository, after, 100, chosen) == expected


def test_parents_are_the_indexes_that_list_an_image(store, repository):
    child, other = an_image(1), an_image(2)
    with store.writing() as work:
        store_manifest(work, repository, child.raw)
        indexes = [store_manifest(work, repository, an_index(*listed).raw) for listed in ([child], [other, child])]
        elsewhere = work.repositories.add(a_repository("elsewhere"))
        store_manifest(work, elsewhere, an_index(child, child).raw)
    with store.reading() as work:
        assert work.image_relations.parents(repository, child.digest) == sorted(index.digest for index in indexes)
        assert len(work.image_relations.parents(elsewhere, child.digest)) == 1
        assert work.image_relations.parents(repository, indexes[0].digest) == []


def test_a_config_is_no_child(store, repository):
    image = an_image()
    with store.writing() as work:
        store_manifest(work, repository, image.raw)
        assert work.image_relations.parents(repository, image.config.digest) == []


def test_referrers_name_their_subject(store, repository):
    subject = an_image(1)
    with store.writing() as work:
        signatures = [store_manifest(work, repository, an_image(n, subject=subject.descriptor).raw) for n in (2, 3)]
    with store.reading() as work:
        found = work.image_relations.referrers(repository, subject.digest)
        assert found == sorted(signatures, key=lambda image: image.digest)
        assert work.image_relations.referrers(repository, found[0].digest) == []


def test_pulls_and_sizes_are_recorded(store, repository):
    later = NOW + timedelta(hours=1)
    with store.writing() as work:
        image = store_manifest(work, repository, an_image().raw)
        work.images.pulled(image.key, later)
        pulled = work.images.find(repository, image.digest)
        work.images.save(replace(pulled, size_in_bytes=2**40))
    with store.reading() as work:
        expected = replace(image, last_pulled_at=later, size_in_bytes=2**40)
        assert work.images.find(repository, image.digest) == expected


def test_a_tag_points_at_one_image(store, repository):
    with store.writing() as work:
        first = store_manifest(work, repository, an_image(1).raw, "latest")
        second = store_manifest(work, repository, an_image(2).raw, "latest")
    with store.reading() as work:
        assert work.tags.find(repository, "latest") == second
        assert work.images.find(repository, first.digest).tags == ()


def test_a_removed_tag_leaves_its_image(store, repository):
    with store.writing() as work:
        image = store_manifest(work, repository, an_image().raw, "v1", "v2")
        work.tags.remove(repository, "v1")
        assert work.images.find(repository, image.digest).tags == ("v2",)


def test_tags_go_in_ascii_order(store, repository):
    with store.writing() as work:
        store_manifest(work, repository, an_image().raw, "b", "A", "a", "_", "1.0", "Z")
    with store.reading() as work:
        assert work.tags.page(repository, "", 4) == ["1.0", "A", "Z", "_"]
        assert work.tags.page(repository, "_", 4) == ["a", "b"]


def test_a_validation_is_kept_with_its_tag(store, repository):
    failed = Validation(NOW, NOW + timedelta(days=1), 2, "503")
    with store.writing() as work:
        store_manifest(work, repository, an_image().raw, "v1")
        assert work.tags.validation(repository, "v1") is None
        work.tags.save_validation(repository, "v1", Validation(NOW))
        assert work.tags.validation(repository, "v1") == Validation(NOW)
        work.tags.save_validation(repository, "v1", failed)
        store_manifest(work, repository, an_image(2).raw, "v1")
        assert work.tags.validation(repository, "v1") == failed
        work.tags.remove(repository, "v1")
        assert work.tags.validation(repository, "v1") is None


def test_the_validation_of_a_tag_that_is_gone_is_not_kept(store, repository):
    with store.writing() as work:
        work.tags.save_validation(repository, "gone", Validation(NOW))
        store_manifest(work, repository, an_image().raw, "gone")
        assert work.tags.validation(repository, "gone") is None


def test_a_foreign_layer_may_be_missing_and_stays_if_it_was_pushed(store, repository):
    image = an_image()
    layer = image.layers[0]
    document = json.loads(image.raw)
    document["layers"][0]["mediaType"] = FOREIGN_LAYER
    with store.writing() as work:
        store_manifest(work, repository, json.dumps(document).encode())
        assert work.layers.referenced(repository, layer.digest).is_foreign
        assert not work.layers.referenced(repository, image.config.digest).is_foreign
        work.layers.add(repository, layer.digest, layer.size, NOW)
        assert work.layers.find(repository, layer.digest) == Layer(layer.digest, layer.size, FOREIGN_LAYER)
        assert work.layers.remove_loose(NOW + timedelta(days=365), LayerPlace(), 10) == (0, None)


def test_a_layer_that_only_one_of_two_images_calls_foreign_is_not_foreign(store, repository):
    image = an_image()
    document = json.loads(image.raw)
    document["layers"][0]["mediaType"] = FOREIGN_LAYER
    with store.writing() as work:
        store_manifest(work, repository, json.dumps(document).encode())
        store_manifest(work, repository, image.raw)
        assert not work.layers.referenced(repository, image.layers[0].digest).is_foreign
