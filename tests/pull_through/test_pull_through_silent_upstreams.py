"""Silent upstreams, which delay only requests that need them."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Semaphore, Thread

import pytest

from ecr_emulator.testing.upstream.faults import corrupted, stalls
from ecr_emulator.testing.upstream.images import image, layer
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.pull_through import running_cache

CROWD = 40
SOON = 15
"""Seconds within which no client of a silent upstream has given up, but all others have their answers."""


def pull_blob(cache, prefix, number):
    """Ask for a manifest and a blob, each of its own image."""
    name = f"{prefix}/team/app{number}"
    return cache.blob(name, cache.manifest(name, "v1").json["config"]["digest"])


def pull_manifest(cache, prefix, number):
    return cache.manifest(f"{prefix}/team/app{number}", "v1")


def list_referrers(cache, prefix, number):
    name = f"{prefix}/team/app{number}"
    return cache.get(f"/v2/{name}/referrers/{cache.manifest(name, 'v1').headers['Docker-Content-Digest']}")


@contextmanager
def silent(upstream, part, at_once):
    """An upstream that does not answer some requests, and a function that waits until it has got the first of them."""
    go_on, asked = Event(), Semaphore(0)

    def say_nothing(request, reply):
        asked.release()
        return stalls(go_on)(request, reply)

    def wait():
        assert all(asked.acquire(timeout=SOON) for _ in range(at_once))

    upstream.fail(part, say_nothing, count=float("inf"))
    try:
        yield wait
    finally:
        go_on.set()


@pytest.fixture
def elsewhere():
    with ScriptedUpstream() as registry:
        yield registry


@pytest.mark.parametrize(
    ("part", "at_once", "ask"),
    [("/manifests/v1", 8, pull_manifest), ("/blobs/", 6, pull_blob), ("/referrers/", 4, list_referrers)],
    ids=["manifests", "blobs", "referrers"],
)
def test_many_clients_of_a_silent_upstream_delay_no_other_client(upstream, elsewhere, part, at_once, ask):
    for number in range(CROWD + 1):
        upstream.add_image(f"team/app{number}", image(f"here {number}"), "v1")
        elsewhere.add_image(f"team/app{number}", image(f"elsewhere {number}"), "v1")
    with running_cache(upstream, mapped={"quay.io": elsewhere.url}) as cache:
        cache.rule("k8s", "registry.k8s.io")
        cache.rule("quay", "quay.io")
        warm = cache.pull("quay/team/app0", "v1")
        with ThreadPoolExecutor(CROWD + 1) as clients, silent(upstream, part, at_once) as until_it_is_silent:
            crowd = [clients.submit(ask, cache, "k8s", number) for number in range(CROWD)]
            until_it_is_silent()
            assert clients.submit(cache.pull, "quay/team/app0", "v1").result(SOON) == warm
            for number in range(1, 5):
                assert clients.submit(ask, cache, "quay", number).result(SOON).status_code == 200
        assert {each.result().status_code for each in crowd} == {200}


def test_imports_that_make_no_headway_leave_room_for_clients(cache, upstream):
    for number in range(4):
        upstream.add_image(f"team/app{number}", image(number, layer(number)), "v1")
    cache.rule()

    def is_large(request):
        return "/blobs/" in request.path and "team/app3" not in request.path

    with ThreadPoolExecutor(1) as clients, silent(upstream, is_large, 4) as until_it_is_silent:
        for number in range(3):
            cache.manifest(f"quay/team/app{number}", "v1")
        until_it_is_silent()
        assert clients.submit(pull_blob, cache, "quay", 3).result(SOON).status_code == 200


def test_the_longest_pause_that_an_upstream_can_ask_for_is_a_day(cache, upstream):
    upstream.add_image("team/app", image(), "v1")
    upstream.fail("/manifests/", status=429, headers={"Retry-After": "9" * 400})
    cache.rule()
    answer = cache.manifest("quay/team/app", "v1")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "86400")
    cache.advance(days=1, seconds=1)
    assert cache.manifest("quay/team/app", "v1").status_code == 200


def test_work_under_way_does_not_outlive_a_reset(cache, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    with silent(upstream, "/manifests/v1", 1) as until_it_is_silent:
        client = Thread(target=cache.manifest, args=("quay/team/app", "v1"))
        client.start()
        until_it_is_silent()
        resetting = Thread(target=cache.http.post, args=("/_ecr/reset",), kwargs={"json": {}})
        resetting.start()
    client.join()
    resetting.join()
    assert cache.repositories() == []
    assert cache.events() == []


def test_a_blob_that_came_with_wrong_bytes_is_asked_for_again_after_a_reset(cache, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    upstream.fail("/blobs/", corrupted(), count=float("inf"))
    cache.rule()
    cache.manifest("quay/team/app", "v1")
    cache.settle()
    upstream.heal()
    cache.http.post("/_ecr/reset", json={})
    cache.rule()
    assert cache.pull("quay/team/app", "v1") == app.raw


def test_a_pull_by_a_new_rule_does_not_wait_for_requests_of_the_old_one(upstream, elsewhere):
    app, another = image("app"), image("another")
    upstream.add_image("team/app", app, "v1")
    elsewhere.add_image("team/app", another, "v1")
    with running_cache(upstream, mapped={"quay.io": elsewhere.url}) as cache:
        cache.rule("team", "registry.k8s.io")
        with ThreadPoolExecutor(1) as clients, silent(upstream, "/manifests/v1", 1) as until_it_is_silent:
            client = clients.submit(cache.manifest, "team/team/app", "v1")
            until_it_is_silent()
            cache.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="team")
            cache.rule("team", "quay.io")
            assert cache.manifest("team/team/app", "v1").data == another.raw
        assert client.result().data == another.raw
        assert any(
            "is pulled from quay.io since a change of the rule" in each.get("failure-reason", "")
            for each in cache.events()
        )
        assert cache.manifest("team/team/app", "v1").data == another.raw
