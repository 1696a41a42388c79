"""Events of the pull through cache: one for each import or failure, and no others."""

import pytest

from ecr_emulator.testing.upstream.images import image, layer, multi_arch
from tests.support.images import put_image
from tests.support.pull_through import running_cache

NAME = "quay/team/app"
OWN = image("own")


def statuses(cache):
    return [(each["sync-status"], each.get("image-tag")) for each in cache.events()]


def pulled(cache, reference="v1"):
    answer = cache.manifest(NAME, reference)
    cache.settle()
    return answer.data


def test_an_image_of_ones_own_in_a_cache_repository_was_never_imported(cache, upstream):
    cache.rule()
    cache.ecr.create_repository(repositoryName=NAME)
    put_image(cache.ecr, NAME, OWN, "v1")
    for _ in range(3):
        assert pulled(cache) == OWN.raw
    assert statuses(cache) == [("FAILED", "v1")], "the upstream was asked, and does not have it"
    for _ in range(3):
        cache.advance(hours=1, minutes=1)
        assert pulled(cache) == OWN.raw
    assert {status for status, _ in statuses(cache)} == {"FAILED"}


def test_an_image_of_ones_own_under_a_cached_tag_was_never_imported(cache, upstream):
    upstream.add_image("team/app", image("theirs"), "v1")
    cache.rule()
    pulled(cache)
    put_image(cache.ecr, NAME, OWN, "v1")
    for _ in range(3):
        assert pulled(cache) == OWN.raw
    assert statuses(cache) == [("SUCCESS", "v1")], "the event is that of the previous image's import"


@pytest.mark.parametrize("reference", ["v1", "digest"])
def test_an_image_of_ones_own_is_not_imported_after_a_restart_either(upstream, tmp_path, reference):
    upstream.add_image("team/app", image("theirs"), "v1")
    with running_cache(upstream, tmp_path) as cache:
        cache.rule()
        pulled(cache)
        put_image(cache.ecr, NAME, OWN, "v1")
    with running_cache(upstream, tmp_path) as cache:
        assert pulled(cache, OWN.digest if reference == "digest" else reference) == OWN.raw
        assert statuses(cache) == [("SUCCESS", "v1")]


def test_a_pushed_image_that_the_upstream_has_is_checked_and_not_imported(cache, upstream):
    upstream.add_image("team/app", OWN, "v1")
    cache.rule()
    cache.ecr.create_repository(repositoryName=NAME)
    put_image(cache.ecr, NAME, OWN, "v1")
    assert pulled(cache) == OWN.raw
    cache.advance(hours=25)
    assert pulled(cache) == OWN.raw
    assert [request.method for request in upstream.requests] == ["HEAD", "HEAD"]
    assert statuses(cache) == []


def test_an_image_that_is_deleted_while_it_is_imported_was_not_imported(cache, upstream):
    app = image("app", layer("slow"))
    upstream.add_image("team/app", app, "v1")

    def delete_first(request, reply):
        cache.ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": app.digest}])
        return reply

    upstream.fail(f"/blobs/{app.layers[0].digest}", delete_first)
    cache.rule()
    pulled(cache)
    assert cache.images(NAME) == {}
    assert statuses(cache) == []


def test_a_part_that_is_deleted_while_the_rest_is_imported_is_no_success_of_its_own(cache, upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    pulled(cache)
    assert statuses(cache) == [("SUCCESS", "v1")]
    pulled(cache, app.images[0].digest)
    assert statuses(cache) == [("SUCCESS", "v1")], "a pull of a cached image imports nothing"
