"""Full repositories, which import no more images, and serve those that they have."""

import pytest

from ecr_emulator.testing.upstream.images import image

NAME = "quay/team/app"
FULL = (
    "The repository with name 'quay/team/app' in registry with id '123456789012' "
    "already has the maximum allowed number of images which is '1'"
)


@pytest.fixture
def full(cache, upstream, monkeypatch):
    upstream.add_image("team/app", image("old"), "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    monkeypatch.setattr("ecr_emulator.services.images.MAX_IMAGES_PER_REPOSITORY", 1)
    return cache


def test_the_cached_image_is_served_though_its_tag_moved(full, upstream):
    upstream.add_image("team/app", image("new"), "v1")
    full.advance(hours=25)
    assert full.manifest(NAME, "v1").data == image("old").raw
    assert full.events()[-1]["failure-reason"] == FULL
    assert full.images(NAME) == {image("old").digest: ["v1"]}


def test_another_image_is_refused_with_the_sentence_of_the_limit(full, upstream):
    upstream.add_image("team/app", image("other"), "v2")
    answer = full.manifest(NAME, "v2")
    assert (answer.status_code, answer.json["errors"][0]["message"]) == (403, FULL)
