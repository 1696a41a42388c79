"""Pulls through the cache by the API: BatchGetImage and GetDownloadUrlForLayer instead of docker."""

from urllib.parse import urlsplit

import pytest

from ecr_emulator.testing.upstream.faults import corrupted
from ecr_emulator.testing.upstream.images import image, layer, multi_arch
from tests.support.pull_through import running_cache
from tests.support.refusals import refusal

NAME = "quay/team/app"
APP = multi_arch()
LARGE = image("large", layer("large", 300_000))


@pytest.fixture
def lazy(upstream):
    """An emulator that imports only the parts that clients request."""
    upstream.add_image("team/app", APP, "v1")
    upstream.add_image("team/app", LARGE, "large")
    with running_cache(upstream, import_mode="lazy") as cache:
        cache.rule()
        yield cache


def got(cache, **image_id):
    return cache.ecr.batch_get_image(repositoryName=NAME, imageIds=[image_id])


def layer_url(cache, digest):
    return cache.ecr.get_download_url_for_layer(repositoryName=NAME, layerDigest=digest)["downloadUrl"]


def test_an_image_is_pulled_piece_by_piece_as_docker_would(lazy):
    (top,) = got(lazy, imageTag="v1")["images"]
    assert top["imageManifest"].encode() == APP.raw
    child = APP.images[0]
    (one,) = got(lazy, imageDigest=child.digest)["images"]
    assert one["imageManifest"].encode() == child.raw
    for blob in child.blobs:
        url = urlsplit(layer_url(lazy, blob.digest))
        assert lazy.http.get(f"{url.path}?{url.query}").data == blob.raw


def test_the_url_of_a_large_layer_is_there_before_the_layer_is_and_leads_to_all_of_it(lazy, upstream):
    got(lazy, imageTag="large")
    blob = LARGE.layers[0]
    url = urlsplit(layer_url(lazy, blob.digest))
    assert lazy.http.get(f"{url.path}?{url.query}").data == blob.raw
    assert upstream.count("GET", f"/blobs/{blob.digest}") == 1


def test_a_layer_of_an_image_that_nobody_pulled_is_not_fetched(lazy, upstream):
    request = {"repositoryName": NAME, "layerDigest": LARGE.layers[0].digest}
    assert refusal(lazy.ecr.get_download_url_for_layer, **request)[0] == "RepositoryNotFoundException"
    got(lazy, imageTag="v1")
    assert refusal(lazy.ecr.get_download_url_for_layer, **request)[0] == "LayersNotFoundException"
    assert upstream.count("GET", "/blobs/") == 0


def test_wrong_bytes_have_no_url(lazy, upstream):
    got(lazy, imageDigest=APP.images[0].digest)
    upstream.fail("/blobs/", corrupted(), count=99)
    request = {"repositoryName": NAME, "layerDigest": APP.images[0].layers[0].digest}
    assert refusal(lazy.ecr.get_download_url_for_layer, **request) == (
        "UnableToGetUpstreamLayerException",
        "There was an issue getting the upstream layer matching the pull through cache rule.",
    )


def test_a_call_for_many_images_returns_a_result_for_each(cache, upstream):
    upstream.add_image("team/app", APP, "v1")
    upstream.fail("/manifests/busy", status=429, headers={"Retry-After": "60"}, count=99)
    cache.rule()
    ids = [{"imageTag": "v1"}, {"imageTag": "gone"}, {"imageDigest": APP.images[1].digest}, {"imageTag": "busy"}]
    answer = cache.ecr.batch_get_image(repositoryName=NAME, imageIds=ids)
    assert {each["imageId"]["imageDigest"] for each in answer["images"]} == {APP.digest, APP.images[1].digest}
    failures = {each["imageId"]["imageTag"]: each["failureCode"] for each in answer["failures"]}
    assert failures == {"gone": "ImageNotFound", "busy": "UpstreamTooManyRequests"}


def test_the_api_checks_a_tag_once_a_day_too(cache, upstream):
    upstream.add_image("team/app", APP, "v1")
    cache.rule()
    got(cache, imageTag="v1")
    cache.settle()
    upstream.requests.clear()
    cache.advance(hours=25)
    assert got(cache, imageTag="v1")["failures"] == []
    got(cache, imageTag="v1")
    assert [request.method for request in upstream.requests] == ["HEAD"]
