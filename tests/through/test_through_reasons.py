"""Why a pull did not work is told: to the client, in the log, in the event, by /_ecr/rules; and what can be done."""

import json
import logging
from datetime import datetime, timedelta

import pytest
from werkzeug.test import Client

from tests.support.faults import answers, corrupted, with_headers
from tests.support.full_disk import read_only_disk
from tests.support.pull_through import ACCOUNT, running_cache
from tests.support.scripted_upstream import Bearer
from tests.support.upstream_images import image, index, layer, multi_arch

NAME = "quay/team/app"
DENIED = (
    "The authentication to the upstream registry failed. Verify that the credentials provided in the "
    "pull through cache rule are correct, and try again."
)


NOT_FOUND = (404, "MANIFEST_UNKNOWN", "Requested image not found", "ImageNotFound")
REFUSED = (403, "DENIED", DENIED, "UpstreamAccessDenied")


def rules(cache, **where):
    answer = cache.http.get("/_ecr/rules", query_string=where)
    assert answer.status_code == 200, answer.text
    return answer.json


def rule_of(cache, prefix):
    return next(rule for rule in rules(cache)["rules"] if rule["prefix"] == prefix)


def refresh(cache, image_name, **where):
    return cache.http.post("/_ecr/refresh", json={"image": image_name, **where})


def pull(cache, image_name):
    """The lines that a pull is told in."""
    answer = cache.http.post("/_ecr/pull", json={"image": image_name})
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


# --- What is told of a failure ---------------------------------------------------------------------------


def mistyped(cache, upstream):
    return "docker-hub/library/ngnix", f"registry-1.docker.io ({upstream.url}) has no library/ngnix 1.27"


def without_library(cache, upstream):
    return "docker-hub/nginx", (
        f"registry-1.docker.io ({upstream.url}) has no nginx 1.27; "
        "Docker Hub keeps official images under library/, so this may be library/nginx"
    )


def unknown_to_the_hub(cache, upstream):
    upstream.fail("/manifests/", answers(401), times=9)
    return "docker-hub/library/ngnix", (
        f"registry-1.docker.io ({upstream.url}) answered 401 when asked for library/ngnix 1.27: the credential is "
        "wrong or may not read it, or there is no repository of this name, of which some registries say the same"
    )


def wrong_secret(cache, upstream):
    upstream.auth = Bearer(("hub-user", "another"))
    return "docker-hub/library/nginx", (
        f"registry-1.docker.io ({upstream.url}) answered 401 when asked for a token: "
        "the user name or the access token in the secret is wrong"
    )


def malformed_secret(cache, upstream):
    cache.secrets.put_secret_value(SecretId="ecr-pullthroughcache/hub", SecretString='{"user": "a"}')
    return "docker-hub/library/nginx", "The secret is not valid JSON with the keys username and accessToken."


@pytest.mark.parametrize(
    ("fault", "heard"),
    [
        (mistyped, NOT_FOUND),
        (without_library, NOT_FOUND),
        (unknown_to_the_hub, REFUSED),
        (wrong_secret, REFUSED),
        (malformed_secret, REFUSED),
    ],
)
def test_the_client_hears_ecrs_sentence_and_everybody_the_reason(cache, upstream, caplog, fault, heard):
    status, code, message, failure_code = heard
    caplog.set_level(logging.INFO)
    cache.rule("docker-hub", "registry-1.docker.io", credentialArn=cache.secret())
    name, reason = fault(cache, upstream)

    answer = cache.manifest(name, "1.27")

    assert answer.status_code == status
    assert answer.json["errors"] == [{"code": code, "message": message, "detail": reason}]
    assert f"pull through registry-1.docker.io of {name}:1.27 failed: {reason}" in caplog.messages
    event = cache.events()[-1]
    assert (event["failure-code"], event["failure-reason"]) == (failure_code, reason)
    error = rule_of(cache, "docker-hub")["last_error"]
    assert (error["code"], error["reason"]) == (failure_code, reason)


def test_a_failed_attempt_has_all_the_fields_of_the_event(cache, upstream):
    upstream.fail("/manifests/", answers(503), times=99)
    cache.rule()
    cache.manifest(NAME, "v1")
    cache.settle()
    event = cache.http.get("/_ecr/events").json["events"][-1]
    assert event["detail-type"] == "ECR Pull Through Cache Action"
    assert event["resources"] == [f"arn:aws:ecr:us-east-1:123456789012:repository/{NAME}"]
    assert event["detail"] == {
        "rule-version": "1",
        "sync-status": "FAILED",
        "ecr-repository-prefix": "quay",
        "repository-name": NAME,
        "upstream-registry-url": "quay.io",
        "image-tag": "v1",
        "failure-code": "UpstreamUnavailable",
        "failure-reason": f"quay.io ({upstream.url}) answered 503",
    }


def test_a_strict_registry_says_no_more_than_ecr(strict_cache):
    strict_cache.rule()
    answer = strict_cache.manifest(NAME, "v1")
    assert answer.json["errors"] == [{"code": "MANIFEST_UNKNOWN", "message": "Requested image not found"}]


# --- Rules -----------------------------------------------------------------------------------------------


def test_a_rule_goes_from_unknown_to_ok_to_failing_to_resting_and_back(cache, upstream):
    upstream.add_image("team/app", image(), "v1")
    cache.rule()
    assert rules(cache)["rules"] == [
        {
            "prefix": "quay",
            "upstream": "quay.io",
            "upstream_prefix": None,
            "address": upstream.url,
            "state": "unknown",
            "failing_since": None,
            "until": None,
            "last_success": None,
            "last_error": None,
            "rate_limit": None,
        }
    ]

    cache.pull(NAME, "v1")
    cache.settle()
    well = rule_of(cache, "quay")
    assert (well["state"], well["last_error"]) == ("ok", None)
    assert well["last_success"]

    upstream.fail("/manifests/", answers(503), times=99)
    cache.manifest(NAME, "v2")
    failing = rule_of(cache, "quay")
    assert (failing["state"], failing["last_success"]) == ("failing", well["last_success"])
    cache.advance(minutes=1)
    for number in range(4):
        cache.manifest(NAME, f"w{number}")
    resting = rule_of(cache, "quay")
    assert (resting["state"], resting["failing_since"]) == ("breaker open", failing["failing_since"])
    now = datetime.fromisoformat(rules(cache)["now"])
    assert timedelta(seconds=20) < datetime.fromisoformat(resting["until"]) - now <= timedelta(seconds=30)
    assert resting["last_error"]["at"] > failing["last_error"]["at"]

    upstream.heal()
    cache.advance(seconds=30)
    assert rule_of(cache, "quay")["until"] is None
    cache.manifest(NAME, "v3")
    well = rule_of(cache, "quay")
    assert (well["state"], well["failing_since"], well["last_error"]["code"]) == ("ok", None, "ImageNotFound")


def test_a_rate_limit_is_shown_while_there_is_some_left_and_when_it_is_used_up(cache, upstream):
    upstream.add_image("library/nginx", image(), "1.27")
    cache.rule("docker-hub", "registry-1.docker.io", credentialArn=cache.secret())
    left = with_headers(RateLimit_Limit="100;w=21600", RateLimit_Remaining="76;w=21600")
    upstream.fail("/manifests/", left)
    cache.pull("docker-hub/library/nginx", "1.27")
    cache.settle()
    assert rule_of(cache, "docker-hub")["rate_limit"] == {"limit": 100, "remaining": 76, "window": 21_600}

    upstream.fail("/manifests/", answers(429, Retry_After="3600"))
    cache.manifest("docker-hub/library/nginx", "1.28")
    limited = rule_of(cache, "docker-hub")
    assert limited["state"] == "rate limited"
    now = datetime.fromisoformat(rules(cache)["now"])
    assert timedelta(minutes=59) < datetime.fromisoformat(limited["until"]) - now <= timedelta(hours=1)


def test_a_secret_that_is_gone_is_the_last_error_of_its_rule(cache):
    cache.rule("docker-hub", "registry-1.docker.io", credentialArn=cache.secret())
    cache.secrets.delete_secret(SecretId="ecr-pullthroughcache/hub", ForceDeleteWithoutRecovery=True)
    cache.manifest("docker-hub/library/nginx", "1.27")
    rule = rule_of(cache, "docker-hub")
    assert (rule["state"], rule["last_error"]["reason"]) == ("failing", "The secret could not be found.")


def test_what_happened_to_rules_is_known_after_a_restart(upstream, tmp_path):
    upstream.add_image("team/app", image(), "v1")
    with running_cache(upstream, tmp_path / "state", keep=True) as cache:
        cache.rule()
        cache.pull(NAME, "v1")
        cache.settle()
        upstream.fail("/manifests/", answers(503), times=9)
        cache.manifest(NAME, "v2")
        before = rule_of(cache, "quay")
    with running_cache(upstream, tmp_path / "state") as cache:
        after = rule_of(cache, "quay")
    assert (after["state"], after["last_error"]["reason"]) == ("failing", before["last_error"]["reason"])
    assert after["last_success"]


def test_a_rule_that_was_made_anew_has_no_past(cache, upstream):
    cache.rule()
    cache.manifest(NAME, "v1")
    cache.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    cache.advance(seconds=1)
    cache.rule()
    assert (rule_of(cache, "quay")["state"], rule_of(cache, "quay")["last_error"]) == ("unknown", None)


def test_a_rule_for_another_registry_of_the_emulator_says_so(cache):
    cache.rule("peer", f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com")
    assert cache.manifest("peer/team/app", "v1").status_code == 404
    rule = rule_of(cache, "peer")
    assert (rule["address"], rule["state"]) == ("this emulator", "ok")
    assert "has no team/app v1" in rule["last_error"]["reason"]
    assert refresh(cache, "peer/team/app:v1").json["refreshed"][0]["outcome"] == "failed"


def test_rules_are_those_of_one_registry_and_others_are_named(cache):
    cache.rule()
    found = rules(cache, region="eu-west-1")
    assert (found["rules"], found["elsewhere"]) == ([], [{"account": "123456789012", "region": "us-east-1"}])
    assert rules(cache)["elsewhere"] == []
    for where in ({"account": "12"}, {"region": "here"}):
        answer = cache.http.get("/_ecr/rules", query_string=where)
        assert answer.status_code == 400
        assert next(iter(where)) in answer.json["error"]


def test_validating_a_rule_asks_an_upstream_that_is_left_alone(cache, upstream):
    upstream.fail("/manifests/", answers(503), times=99)
    cache.rule()
    for number in range(5):
        cache.manifest(NAME, f"v{number}")
    upstream.heal()
    assert cache.ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="quay")["isValid"]
    assert cache.manifest(NAME, "v9").status_code == 404


# --- Refresh ---------------------------------------------------------------------------------------------


@pytest.mark.consideration("S12d")
def test_a_refresh_asks_now_and_says_what_came_of_it(cache, upstream):
    old, new = image("old"), image("new")
    upstream.add_image("team/app", old, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()

    assert refresh(cache, f"{NAME}:v1").json == {
        "account": "123456789012",
        "region": "us-east-1",
        "repository": NAME,
        "refreshed": [
            {"tag": "v1", "outcome": "unchanged", "digest": old.digest, "previous": old.digest, "reason": None}
        ],
    }
    upstream.add_image("team/app", new, "v1")
    upstream.add_image("team/app", new, "v2")
    (moved,) = refresh(cache, f"{NAME}:v1").json["refreshed"]
    assert (moved["outcome"], moved["digest"], moved["previous"]) == ("updated", new.digest, old.digest)
    (brought,) = refresh(cache, f"{NAME}:v2").json["refreshed"]
    assert (brought["outcome"], brought["digest"], brought["previous"]) == ("imported", new.digest, None)
    cache.settle()
    assert cache.images(NAME) == {old.digest: [], new.digest: ["v1", "v2"]}

    asked = len(upstream.requests)
    found = refresh(cache, NAME).json["refreshed"]
    assert [(each["tag"], each["outcome"]) for each in found] == [("v1", "unchanged"), ("v2", "unchanged")]
    assert [request.method for request in upstream.requests[asked:]] == ["HEAD", "HEAD"]


def test_a_refresh_puts_aside_what_keeps_the_upstream_from_being_asked(cache, upstream):
    app = image()
    cache.rule()
    assert cache.manifest(NAME, "v1").status_code == 404
    upstream.add_image("team/app", app, "v1")
    assert refresh(cache, f"{NAME}:v1").json["refreshed"][0]["outcome"] == "imported"

    upstream.fail("/manifests/", answers(503), times=99)
    for number in range(5):
        cache.manifest(NAME, f"w{number}")
    upstream.heal()
    assert refresh(cache, f"{NAME}:v1").json["refreshed"][0]["outcome"] == "unchanged"

    upstream.fail("/manifests/", answers(429, Retry_After="3600"))
    limited = refresh(cache, f"{NAME}:v1").json["refreshed"][0]
    assert (limited["outcome"], limited["digest"]) == ("failed", app.digest)
    asked = len(upstream.requests)
    assert "answered 429" in refresh(cache, f"{NAME}:v1").json["refreshed"][0]["reason"]
    assert len(upstream.requests) == asked, "a rate limit is the upstream's own wish"


def test_a_refresh_that_fails_leaves_what_is_cached(cache, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    upstream.remove("team/app", "v1")
    (failed,) = refresh(cache, NAME).json["refreshed"]
    assert (failed["outcome"], failed["digest"]) == ("failed", app.digest)
    assert failed["reason"] == f"quay.io ({upstream.url}) has no team/app v1"
    assert cache.pull(NAME, "v1") == app.raw
    (absent,) = refresh(cache, f"{NAME}:v9").json["refreshed"]
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
        ({"image": f"{NAME}@sha256:{'a' * 64}"}, 400, "What a digest means never changes"),
        ({"image": NAME, "account": "me"}, 400, "account must be 12 digits"),
        ({}, 400, 'The body must be like {"image"'),
        ([], 400, 'The body must be like {"image"'),
    ],
)
def test_a_refresh_of_what_cannot_be_refreshed_says_why(cache, body, status, words):
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
    upstream.fail(f"/blobs/{app.layers[0].digest}", corrupted(), times=99)
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


def test_a_refresh_that_cannot_be_written_down_says_so(cache, upstream):
    upstream.add_image("team/app", image(), "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    with read_only_disk(cache.emulator):
        answer = refresh(cache, NAME)
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
    upstream.fail("/manifests/", fault, times=9)
    cache.rule()
    answer = cache.http.post("/_ecr/pull", json={"image": f"{NAME}:v1"})
    assert answer.status_code == status
    assert "answered" in answer.json["error"]


def test_the_welcome_tells_of_all_this(cache):
    welcome = Client(cache.emulator.wsgi).get("/").text
    for path in ("rules", "refresh", "pull"):
        assert f"/_ecr/{path} " in welcome
