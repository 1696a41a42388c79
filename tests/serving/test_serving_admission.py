"""Limits of concurrent requests: what cannot be answered now is refused, and probes and warm pulls are answered."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from ecr_emulator.admission import FEWEST_REQUESTS, Admission, threads_for
from ecr_emulator.bulkheads import Bulkhead
from ecr_emulator.emulator import Emulator
from ecr_emulator.remembered_answers import LARGEST_BODY
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import image, layer
from tests.support.clock import FrozenClock
from tests.support.docker import Docker, json_of, refusal

LONG = 30
LARGE = layer("large", 8 * LARGEST_BODY)
IMAGE = image("app", LARGE)
MANIFEST, BLOB = "/v2/team/app/manifests/v1", f"/v2/team/app/blobs/{LARGE.digest}"
TAGS = "/v2/team/app/tags/list"
FOLLOW = "/_ecr/events?follow"
LIST_REPOSITORIES = {"X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"}


@pytest.fixture
def docker():
    """A client of an emulator that admits two pulls, one push and one other request."""
    with Emulator(Settings(threads=4), FrozenClock()) as emulator:
        docker = Docker(emulator)
        docker.ecr.create_repository(repositoryName="team/app")
        docker.push(IMAGE, "v1")
        yield docker


@contextmanager
def unread(docker, *paths):
    """Answers that their clients begin to read, and no more."""
    with ExitStack() as stack:
        for path in paths:
            answer = stack.enter_context(docker.send("GET", path, buffered=False))
            assert answer.status_code == 200
        yield


def test_a_pull_beyond_the_limit_is_told_to_try_again(docker):
    with unread(docker, BLOB, BLOB):
        answer = docker.get(TAGS)
        sentence = "The emulator answers 2 pulls already; try again in a moment"
        assert refusal(answer) == (503, "UNKNOWN", sentence)
        assert answer.headers["Retry-After"] == "1"
    assert docker.get(TAGS).status_code == 200


def test_probes_remembered_answers_and_pushes_are_answered_while_pulls_take_all_places(docker):
    for _ in range(3):
        assert docker.get(MANIFEST).data == IMAGE.raw
    with unread(docker, BLOB, BLOB):
        assert docker.get("/_ecr/health").status_code == 200
        assert docker.get(MANIFEST).data == IMAGE.raw
        assert docker.put(IMAGE, "v2").status_code == 201
        assert docker.ecr.describe_images(repositoryName="team/app")["imageDetails"]


def test_a_remembered_answer_that_is_read_again_needs_a_place(docker):
    for _ in range(3):
        assert docker.get(BLOB).data == LARGE.raw
    given = docker.emulator.remembered_answers.given
    with unread(docker, BLOB, BLOB):
        assert docker.emulator.remembered_answers.given == given + 2
        assert docker.get(BLOB).status_code == 503
    assert docker.get(BLOB).data == LARGE.raw


def test_a_refusal_has_the_format_of_the_part_that_is_asked(docker):
    with unread(docker, FOLLOW):
        api = docker.http.post("/", headers=LIST_REPOSITORIES)
        assert (api.status_code, json.loads(api.data)["__type"]) == (503, "ServiceUnavailable")
        admin = docker.get("/_ecr/events")
        assert (admin.status_code, list(json_of(admin))) == (503, ["error"])
        companion = docker.http.get("/bucket", headers={"Authorization": "AWS4-HMAC-SHA256 of s3"})
        assert (companion.status_code, companion.headers["Retry-After"]) == (503, "1")
    assert docker.get("/_ecr/events").status_code == 200


def test_a_request_that_fails_gives_its_place_back():
    def broken(environ, start_response):
        raise OSError("the disk is gone")

    admission = Admission(broken, 1)
    for _ in range(2):
        with pytest.raises(OSError, match="the disk is gone"):
            admission({"PATH_INFO": "/v2/", "REQUEST_METHOD": "GET"}, lambda *_: None)


def test_an_answer_that_is_dropped_or_read_to_its_end_gives_its_place_back():
    bulkhead = Bulkhead("pulls", limit=1, queue=0)
    assert bulkhead.enter()
    assert list(bulkhead.until_sent([b"all"])) == [b"all"]
    assert bulkhead.enter()
    bulkhead.until_sent([b"dropped"])
    assert bulkhead.enter()
    assert not bulkhead.enter()


def test_a_request_in_the_queue_takes_the_next_place():
    bulkhead = Bulkhead("pulls", limit=1, queue=1, patience=LONG)
    assert bulkhead.enter()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(bulkhead.enter)
        while not bulkhead.has_full_queue:
            pass
        assert not bulkhead.enter()
        bulkhead.leave()
        assert waiting.result(LONG)
    assert not bulkhead.enter(waits=False)


def test_a_request_waits_in_the_queue_for_a_limited_time():
    bulkhead = Bulkhead("pulls", limit=1, queue=1, patience=0.01)
    assert bulkhead.enter()
    assert not bulkhead.enter()
    bulkhead.leave()
    assert bulkhead.enter()


@pytest.mark.parametrize("requests", [1, 8, 256, 1024, 10_000])
def test_threads_are_left_when_all_places_and_queues_are_taken(requests):
    admission = Admission(lambda *_: [], requests)
    kinds = admission.pulls, admission.pushes, admission.others
    assert threads_for(requests) > sum(each.limit + each.queue for each in kinds)


def test_the_fewest_places_are_enough_for_the_layers_of_one_client():
    layers = 6
    admission = Admission(lambda *_: [], FEWEST_REQUESTS)
    assert layers <= min(admission.pulls.limit, admission.pushes.limit)
