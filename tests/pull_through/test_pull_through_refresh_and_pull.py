"""Refreshes and pulls that are requested at ``/_ecr/``: their results, and their messages when they fail."""

import json

import pytest
from werkzeug.test import Client

from ecr_emulator.testing.upstream.faults import answers, corrupted
from ecr_emulator.testing.upstream.images import image, index, layer, multi_arch
from tests.support.admin_api import check_answer
from tests.support.full_disk import read_only_disk
from tests.support.pull_through import running_cache

NAME = "quay/team/app"


def pull(cache, image_name):
    """Request a pull, and return the lines of its answer."""
    answer = cache.http.post("/_ecr/pull", json={"image": image_name})
    assert answer.status_code == 200, answer.text
    check_answer(answer)
    return [json.loads(line) for line in answer.text.splitlines()]


# --- Refresh ---------------------------------------------------------------------------------------------


@pytest.mark.consideration("S12d")
def test_a_refresh_checks_now_and_reports_the_result(cache, upstream):
    old, new = image("old"), image("new")
    upstream.add_image("team/app", old, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()

    assert cache.refresh(f"{NAME}:v1").json == {
        "account": "123456789012",
        "region": "us-east-1",
        "repository": NAME,
        "refreshed": [
            {"tag": "v1", "outcome": "unchanged", "digest": old.digest, "previous": old.digest, "reason": None}
        ],
    }
    upstream.add_image("team/app", new, "v1")
    upstream.add_image("team/app", new, "v2")
    (moved,) = cache.refresh(f"{NAME}:v1").json["refreshed"]
    assert (moved["outcome"], moved["digest"], moved["previous"]) == ("updated", new.digest, old.digest)
    (brought,) = cache.refresh(f"{NAME}:v2").json["refreshed"]
    assert (brought["outcome"], brought["digest"], brought["previous"]) == ("imported", new.digest, None)
    cache.settle()
    assert cache.images(NAME) == {old.digest: [], new.digest: ["v1", "v2"]}

    asked = len(upstream.requests)
    found = cache.refresh(NAME).json["refreshed"]
    assert [(each["tag"], each["outcome"]) for each in found] == [("v1", "unchanged"), ("v2", "unchanged")]
    assert [request.method for request in upstream.requests[asked:]] == ["HEAD", "HEAD"]


def test_a_refresh_ignores_negative_answers_and_open_breakers(cache, upstream):
    app = image()
    cache.rule()
    assert cache.manifest(NAME, "v1").status_code == 404
    upstream.add_image("team/app", app, "v1")
    assert cache.refresh(f"{NAME}:v1").json["refreshed"][0]["outcome"] == "imported"

    upstream.fail("/manifests/", answers(503), count=99)
    for number in range(5):
        cache.manifest(NAME, f"w{number}")
    upstream.heal()
    assert cache.refresh(f"{NAME}:v1").json["refreshed"][0]["outcome"] == "unchanged"

    upstream.fail("/manifests/", answers(429, Retry_After="3600"))
    limited = cache.refresh(f"{NAME}:v1").json["refreshed"][0]
    assert (limited["outcome"], limited["digest"]) == ("failed", app.digest)
    asked = len(upstream.requests)
    assert "answered 429" in cache.refresh(f"{NAME}:v1").json["refreshed"][0]["reason"]
    assert len(upstream.requests) == asked, "a refresh respects a rate limit"


def test_a_refresh_that_fails_leaves_what_is_cached(cache, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    upstream.remove("team/app", "v1")
    (failed,) = cache.refresh(NAME).json["refreshed"]
    assert (failed["outcome"], failed["digest"]) == ("failed", app.digest)
    assert failed["reason"] == f"quay.io ({upstream.url}) has no team/app v1"
    assert cache.pull(NAME, "v1") == app.raw
    (absent,) = cache.refresh(f"{NAME}:v9").json["refreshed"]
    assert (absent["outcome"], absent["digest"]) == ("failed", None)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (
            {"image": "ordinary/app"},
            404,
            "No pull through cache rule of 123456789012 in us-east-1 covers",
        ),
        ({"image": "quay/no/such"}, 404, "The repository with name 'quay/no/such' does not exist"),
        ({"image": NAME, "region": "eu-west-1"}, 404, "in eu-west-1"),
        ({"image": "Quay/App"}, 400, "is not a repository name"),
        ({"image": f"{NAME}@sha256:{'a' * 64}"}, 400, "The image of a digest never changes"),
        ({"image": NAME, "account": "me"}, 400, "account must be 12 digits"),
        ({}, 400, 'The body must be like {"image"'),
        ([], 400, 'The body must be like {"image"'),
    ],
)
def test_a_refresh_without_a_rule_or_repository_says_why(cache, body, status, words):
    cache.rule()
    answer = cache.http.post("/_ecr/refresh", json=body)
    assert answer.status_code == status
    assert words in answer.json["error"]


# --- Pull ------------------------------------------------------------------------------------------------


def test_a_pull_brings_in_all_architectures_and_tells_of_each_step(cache, upstream):
    shared = layer("base", 3_000_000)
    app = index(image("a", shared, architecture="amd64"), image("b", shared, layer("b"), architecture="arm64"))
    upstream.add_image("team/app", app, "v1")
    cache.rule()

    first, *steps, last, done = pull(cache, f"{NAME}:v1")

    assert done == {"done": True}
    total = sum({blob.digest: blob.size for each in app.images for blob in each.blobs}.values())
    assert (first["digest"], first["images"], first["blobs"], first["bytes"]) == (app.digest, 3, 4, total)
    assert (last["blobs_done"], last["bytes_done"], last["missing"]) == (4, total, 0)
    done_so_far = [step["bytes_done"] for step in [first, *steps, last]]
    assert done_so_far == sorted(done_so_far)
    cache.settle()
    upstream.stop()
    assert cache.pull(NAME, "v1") == app.raw

    *_, last, done = pull(cache, f"{NAME}:v1")
    assert (last["new_bytes"], last["bytes_done"]) == (0, total)


def test_a_pull_goes_without_children_that_are_not_there(cache, upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    upstream.remove("team/app", app.images[1].digest)
    cache.rule()
    *_, last, done = pull(cache, f"localhost:4566/{NAME}:v1")
    assert (last["images"], last["missing"], done) == (2, 1, {"done": True})


def test_a_pull_without_a_tag_is_of_latest_and_one_by_digest_of_that(cache, upstream):
    app, other = image(), image("other")
    upstream.add_image("team/app", app, "latest")
    upstream.add_image("team/app", other)
    cache.rule()
    assert pull(cache, NAME)[0]["digest"] == app.digest
    assert pull(cache, f"{NAME}@{other.digest}")[0]["digest"] == other.digest


def test_a_pull_that_breaks_off_says_why_in_its_last_line(cache, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    upstream.fail(f"/blobs/{app.layers[0].digest}", corrupted(), count=99)
    cache.rule()
    last = pull(cache, f"{NAME}:v1")[-1]
    assert last["code"] == "UpstreamUnavailable"
    assert app.layers[0].digest in last["error"]


def test_a_pull_whose_repository_is_deleted_meanwhile_says_so(cache, upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    lines = iter(cache.http.post("/_ecr/pull", json={"image": f"{NAME}:v1"}).response)
    json.loads(next(lines))
    cache.settle()
    cache.ecr.delete_repository(repositoryName=NAME, force=True)
    *_, last = map(json.loads, lines)
    assert last["code"] == "RepositoryNotFoundException"
    assert NAME in last["error"]


@pytest.mark.sqlite
def test_a_refresh_that_cannot_be_written_down_says_so(cache, upstream):
    upstream.add_image("team/app", image(), "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    with read_only_disk(cache.emulator):
        answer = cache.refresh(NAME)
    assert (answer.status_code, answer.content_type) == (503, "application/json")
    assert answer.json["error"]


@pytest.mark.parametrize(
    ("image_name", "status", "words"),
    [
        ("quay/no/such:v1", 404, "has no no/such v1"),
        ("ordinary/app:v1", 404, "The repository with name 'ordinary/app' does not exist"),
        ("NO", 400, "is not a repository name"),
    ],
)
def test_a_pull_that_cannot_begin_says_why(cache, image_name, status, words):
    cache.rule()
    answer = cache.http.post("/_ecr/pull", json={"image": image_name})
    assert answer.status_code == status
    assert words in answer.json["error"]


@pytest.mark.parametrize(("fault", "status"), [(answers(403), 403), (answers(503), 503), (answers(429), 429)])
def test_a_pull_that_the_upstream_refuses_says_why(cache, upstream, fault, status):
    upstream.fail("/manifests/", fault, count=9)
    cache.rule()
    answer = cache.http.post("/_ecr/pull", json={"image": f"{NAME}:v1"})
    assert answer.status_code == status
    assert "answered" in answer.json["error"]


def test_a_pull_of_layers_for_which_the_disk_has_no_room_says_so(upstream):
    app = image("large", layer("large", 300_000))
    upstream.add_image("team/app", app, "v1")
    with running_cache(upstream, disk_reserve=999_999_999) as cache:
        cache.rule()
        last = pull(cache, f"{NAME}:v1")[-1]
    assert last["code"] == "StorageFailure"
    assert "is not cached: the disk is full" in last["error"]


def test_the_welcome_tells_of_all_this(cache):
    welcome = Client(cache.emulator.wsgi).get("/").text
    for path in ("rules", "refresh", "pull"):
        assert f"/_ecr/{path} " in welcome
