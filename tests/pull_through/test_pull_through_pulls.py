"""Pulls through the cache by docker clients."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from ecr_emulator.testing.upstream.faults import answers, corrupted, stalls
from ecr_emulator.testing.upstream.images import image, index, layer, multi_arch
from tests.support.pull_through import running_cache

NAME = "quay/team/app"


@pytest.mark.consideration("S4a")
def test_the_first_pull_fetches_stores_and_serves_the_upstreams_bytes(cache, upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    cache.rule()

    assert cache.pull(NAME, "v1") == app.raw
    cache.settle()

    assert cache.repositories() == [NAME]
    assert cache.images(NAME) == {app.digest: ["v1"]} | {child.digest: [] for child in app.images}
    for method, path in {(request.method, request.path) for request in upstream.requests}:
        assert upstream.count(method, path) == 1, f"{method} {path} was sent once"


@pytest.mark.consideration("S15")
def test_an_index_is_stored_with_every_child_even_if_the_client_pulls_none(cache, upstream):
    app = multi_arch(architectures=("amd64", "arm64", "s390x"))
    upstream.add_image("team/app", app, "v1")
    cache.rule()

    assert cache.manifest(NAME, "v1").data == app.raw
    cache.settle()
    upstream.stop()

    assert set(cache.images(NAME)) == {app.digest, *(child.digest for child in app.images)}
    assert cache.pull(NAME, "v1") == app.raw


def test_the_size_of_an_imported_index_is_its_largest_childs(cache, upstream):
    small, large = image("small", layer("s", 10)), image("large", layer("l", 5_000))
    app = index(small, large)
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    cache.manifest(NAME, "v1")
    cache.settle()
    details = cache.ecr.describe_images(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])["imageDetails"]
    assert details[0]["imageSizeInBytes"] == sum(blob.size for blob in large.blobs)


@pytest.mark.consideration("S16")
def test_a_strict_registry_never_asks_for_a_digest_that_no_tag_brought_in(strict_cache, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    strict_cache.rule()
    assert strict_cache.manifest(NAME, app.digest).status_code == 404
    assert upstream.requests == []
    assert strict_cache.pull(NAME, "v1") == app.raw
    assert strict_cache.pull(NAME, app.digest) == app.raw


def test_a_strict_registry_asks_for_what_its_indexes_list(upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    with running_cache(upstream, strict=True, import_mode="lazy") as cache:
        cache.rule()
        assert cache.manifest(NAME, "v1").data == app.raw
        cache.settle()
        assert [cache.manifest(NAME, child.digest).data for child in app.images] == [each.raw for each in app.images]


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [(404, 404, "MANIFEST_UNKNOWN"), (429, 429, "TOOMANYREQUESTS"), (403, 403, "DENIED"), (503, 503, "UNKNOWN")],
)
def test_without_a_cached_image_the_client_hears_what_the_upstream_said(cache, upstream, status, expected, code):
    upstream.fail("/manifests/", answers(status, b"<html>not json</html>", Retry_After="3600"), count=99)
    cache.rule()
    answer = cache.manifest(NAME, "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (expected, code)
    assert (answer.headers.get("Retry-After") == "3600") == (expected in (429, 503))


def test_many_clients_pull_a_cold_image_and_the_upstream_sends_it_once(cache, upstream):
    app = image(1, layer("large", 3_000_000))
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    with ThreadPoolExecutor(12) as clients:
        pulled = list(clients.map(lambda _: cache.pull(NAME, "v1"), range(24)))
    cache.settle()
    assert pulled == [app.raw] * 24
    assert upstream.count("GET", "/manifests/") == 1
    assert upstream.count("GET", "/blobs/") == len(app.blobs)


def test_all_clients_of_a_failing_pull_get_the_same_reason(cache, upstream):
    upstream.fail("/manifests/", answers(429, Retry_After="3600"), count=99)
    cache.rule()
    with ThreadPoolExecutor(12) as clients:
        answers_ = list(clients.map(lambda _: cache.manifest(NAME, "v1"), range(12)))
    assert {(each.status_code, each.text) for each in answers_} == {(429, answers_[0].text)}


@pytest.mark.consideration("S27b")
def test_a_blob_streams_to_the_client_while_it_is_cached(cache, upstream):
    app = image(1, layer("large", 4_000_000))
    upstream.add_image("team/app", app, "v1")
    go_on = Event()
    upstream.fail(f"/blobs/{app.layers[0].digest}", stalls(go_on, after=2_000_000), count=1)
    cache.rule()
    cache.manifest(NAME, "v1")
    try:
        body = cache.blob(NAME, app.layers[0].digest).iter_encoded()
        first = next(body)
        assert first == app.layers[0].raw[: len(first)]
    finally:
        go_on.set()
    assert first + b"".join(body) == app.layers[0].raw


def test_a_client_that_leaves_does_not_spoil_the_cache(cache, upstream):
    app = image(1, layer("large", 2_000_000))
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    cache.manifest(NAME, "v1")
    answer = cache.blob(NAME, app.layers[0].digest)
    next(answer.iter_encoded())
    answer.close()
    cache.settle()
    upstream.stop()
    assert cache.blob(NAME, app.layers[0].digest).data == app.layers[0].raw


def test_wrong_bytes_from_the_upstream_are_never_cached(cache, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    upstream.fail(f"/blobs/{app.layers[0].digest}", corrupted(), count=99)
    cache.rule()
    assert cache.manifest(NAME, "v1").status_code == 200
    cache.settle()
    assert cache.blob(NAME, app.layers[0].digest).status_code == 503
    upstream.heal()
    cache.advance(minutes=1)
    assert cache.blob(NAME, app.layers[0].digest).data == app.layers[0].raw


def test_the_event_tells_what_was_imported(cache, upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    assert cache.events() == [
        {
            "rule-version": "1",
            "sync-status": "SUCCESS",
            "ecr-repository-prefix": "quay",
            "repository-name": NAME,
            "upstream-registry-url": "quay.io",
            "image-tag": "v1",
            "image-digest": app.digest,
        }
    ]


@pytest.mark.consideration("S15")
def test_a_sparse_index_is_cached_without_its_missing_children(cache, upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    upstream.remove("team/app", app.images[1].digest)
    cache.rule()
    assert cache.manifest(NAME, "v1").data == app.raw
    assert cache.events()[-1]["sync-status"] == "SUCCESS"
    assert cache.manifest(NAME, app.images[1].digest).status_code == 404


def test_the_api_pulls_through_the_cache_too(cache, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    answer = cache.ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
    assert answer["images"][0]["imageManifest"].encode() == app.raw
    assert cache.repositories() == [NAME]


@pytest.mark.consideration("S4a")
def test_a_manifest_is_served_byte_for_byte_whatever_its_white_space(cache, upstream):
    app = image()
    assert json.dumps(json.loads(app.raw)).encode() != app.raw
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    assert cache.manifest(NAME, "v1").data == app.raw
    assert cache.manifest(NAME, "v1").headers["Docker-Content-Digest"] == app.digest
