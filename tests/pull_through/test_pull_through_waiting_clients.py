"""Clients that wait for one upstream: further ones are told to try again, and clients of others are not disturbed."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Semaphore

import pytest

from ecr_emulator.services.pull_through.waiting_clients import TooManyWaiting, WaitingClients
from ecr_emulator.testing.upstream.faults import stalls
from ecr_emulator.testing.upstream.images import image, layer
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.docker import refusal
from tests.support.pull_through import running_cache

SOON = 5
TOLD = "2 clients wait for registry.k8s.io already; try again in a moment"


@pytest.fixture
def elsewhere():
    with ScriptedUpstream() as registry:
        yield registry


@pytest.fixture
def cache(upstream, elsewhere, tmp_path):
    """An emulator in which two clients may wait for an upstream."""
    with running_cache(upstream, tmp_path, mapped={"quay.io": elsewhere.url}, threads=8, import_mode="lazy") as cache:
        cache.rule("k8s", "registry.k8s.io")
        cache.rule("quay", "quay.io")
        yield cache


@contextmanager
def waiting(upstream, part, *requests):
    """Let clients wait for an upstream that does not answer requests with this part in their path."""
    go_on, asked = Event(), Semaphore(0)

    def say_nothing(request, reply):
        asked.release()
        return stalls(go_on)(request, reply)

    upstream.fail(part, say_nothing, count=float("inf"))
    with ThreadPoolExecutor(len(requests)) as threads:
        answers = [threads.submit(*request) for request in requests]
        assert all(asked.acquire(timeout=SOON) for _ in requests)
        try:
            yield answers
        finally:
            go_on.set()


def test_the_third_client_of_a_silent_upstream_is_told_to_try_again(cache, upstream, elsewhere):
    for number in range(3):
        upstream.add_image("team/app", image(number), f"v{number}")
    elsewhere.add_image("team/app", image("elsewhere"), "v1")
    two = [(cache.manifest, "k8s/team/app", f"v{number}") for number in range(2)]
    with waiting(upstream, "/manifests/", *two) as answers:
        refused = cache.manifest("k8s/team/app", "v2")
        assert refusal(refused) == (503, "UNKNOWN", TOLD)
        assert refused.headers["Retry-After"] == "1"
        assert cache.pull("quay/team/app", "v1") == image("elsewhere").raw
    assert [each.result().status_code for each in answers] == [200, 200]
    assert cache.manifest("k8s/team/app", "v2").status_code == 200


def test_the_third_client_gets_the_cached_image_if_there_is_one(cache, upstream):
    for number in range(3):
        upstream.add_image("team/app", image(number), f"v{number}")
    cached = cache.pull("k8s/team/app", "v2")
    cache.settle()
    cache.advance(hours=25)
    two = [(cache.manifest, "k8s/team/app", f"v{number}") for number in range(2)]
    with waiting(upstream, "/manifests/", *two):
        assert cache.manifest("k8s/team/app", "v2").data == cached


def test_the_third_client_of_blobs_that_do_not_arrive_is_told_to_try_again(cache, upstream):
    blobs = [layer(number, 1_000) for number in range(3)]
    upstream.add_image("team/app", image("app", *blobs), "v1")
    cache.manifest("k8s/team/app", "v1")
    two = [(cache.blob, "k8s/team/app", blob.digest) for blob in blobs[:2]]
    with waiting(upstream, "/blobs/", *two) as answers:
        assert refusal(cache.blob("k8s/team/app", blobs[2].digest)) == (503, "UNKNOWN", TOLD)
    assert [each.result().data for each in answers] == [blob.raw for blob in blobs[:2]]
    assert cache.blob("k8s/team/app", blobs[2].digest).data == blobs[2].raw


def test_clients_are_counted_for_each_upstream_until_they_leave():
    clients = WaitingClients(per_upstream=1)
    with clients.at("quay.io"), clients.at("ghcr.io"), pytest.raises(TooManyWaiting), clients.at("quay.io"):
        pass
    with clients.at("quay.io"):
        pass
