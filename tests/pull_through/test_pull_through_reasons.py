"""Reasons of failed pulls, in the answer, in the log, in the event and in /_ecr/rules."""

import logging
from datetime import datetime, timedelta

import pytest

from ecr_emulator.testing.upstream.auth import Bearer
from ecr_emulator.testing.upstream.faults import answers, with_headers
from ecr_emulator.testing.upstream.images import image
from tests.support.pull_through import ACCOUNT, running_cache

NAME = "quay/team/app"
DENIED = (
    "The authentication to the upstream registry failed. Verify that the credentials provided in the "
    "pull through cache rule are correct, and try again."
)


NOT_FOUND = (404, "MANIFEST_UNKNOWN", "Requested image not found", "ImageNotFound")
REFUSED = (403, "DENIED", DENIED, "UpstreamAccessDenied")


# --- Reports of a failure --------------------------------------------------------------------------------


def mistyped(cache, upstream):
    return "docker-hub/library/ngnix", f"registry-1.docker.io ({upstream.url}) has no library/ngnix 1.27"


def without_library(cache, upstream):
    return "docker-hub/nginx", (
        f"registry-1.docker.io ({upstream.url}) has no nginx 1.27; "
        "Docker Hub keeps official images under library/, so this may be library/nginx"
    )


def unknown_to_the_hub(cache, upstream):
    upstream.fail("/manifests/", answers(401), count=9)
    return "docker-hub/library/ngnix", (
        f"registry-1.docker.io ({upstream.url}) answered 401 when asked for library/ngnix 1.27: the credential is "
        "wrong or may not read it, or there is no repository of this name (some registries answer both alike)"
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
    error = cache.rule_report("docker-hub")["last_error"]
    assert (error["code"], error["reason"]) == (failure_code, reason)


def test_a_failed_attempt_has_all_the_fields_of_the_event(cache, upstream):
    upstream.fail("/manifests/", answers(503), count=99)
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
    assert cache.rule_reports()["rules"] == [
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
    well = cache.rule_report("quay")
    assert (well["state"], well["last_error"]) == ("ok", None)
    assert well["last_success"]

    upstream.fail("/manifests/", answers(503), count=99)
    cache.manifest(NAME, "v2")
    failing = cache.rule_report("quay")
    assert (failing["state"], failing["last_success"]) == ("failing", well["last_success"])
    cache.advance(minutes=1)
    for number in range(4):
        cache.manifest(NAME, f"w{number}")
    resting = cache.rule_report("quay")
    assert (resting["state"], resting["failing_since"]) == ("breaker open", failing["failing_since"])
    now = datetime.fromisoformat(cache.rule_reports()["now"])
    assert timedelta(seconds=20) < datetime.fromisoformat(resting["until"]) - now <= timedelta(seconds=30)
    assert resting["last_error"]["at"] > failing["last_error"]["at"]

    upstream.heal()
    cache.advance(seconds=30)
    assert cache.rule_report("quay")["until"] is None
    cache.manifest(NAME, "v3")
    well = cache.rule_report("quay")
    assert (well["state"], well["failing_since"], well["last_error"]["code"]) == ("ok", None, "ImageNotFound")


def test_a_rate_limit_is_shown_while_there_is_some_left_and_when_it_is_used_up(cache, upstream):
    upstream.add_image("library/nginx", image(), "1.27")
    cache.rule("docker-hub", "registry-1.docker.io", credentialArn=cache.secret())
    left = with_headers(RateLimit_Limit="100;w=21600", RateLimit_Remaining="76;w=21600")
    upstream.fail("/manifests/", left)
    cache.pull("docker-hub/library/nginx", "1.27")
    cache.settle()
    assert cache.rule_report("docker-hub")["rate_limit"] == {"limit": 100, "remaining": 76, "window": 21_600}

    upstream.fail("/manifests/", answers(429, Retry_After="3600"))
    cache.manifest("docker-hub/library/nginx", "1.28")
    limited = cache.rule_report("docker-hub")
    assert limited["state"] == "rate limited"
    now = datetime.fromisoformat(cache.rule_reports()["now"])
    assert timedelta(minutes=59) < datetime.fromisoformat(limited["until"]) - now <= timedelta(hours=1)


def test_a_secret_that_is_gone_is_the_last_error_of_its_rule(cache):
    cache.rule("docker-hub", "registry-1.docker.io", credentialArn=cache.secret())
    cache.secrets.delete_secret(SecretId="ecr-pullthroughcache/hub", ForceDeleteWithoutRecovery=True)
    cache.manifest("docker-hub/library/nginx", "1.27")
    rule = cache.rule_report("docker-hub")
    assert (rule["state"], rule["last_error"]["reason"]) == ("failing", "The secret could not be found.")


def test_the_health_of_rules_is_known_after_a_restart(upstream, tmp_path):
    upstream.add_image("team/app", image(), "v1")
    with running_cache(upstream, tmp_path / "state") as cache:
        cache.rule()
        cache.pull(NAME, "v1")
        cache.settle()
        upstream.fail("/manifests/", answers(503), count=9)
        cache.manifest(NAME, "v2")
        before = cache.rule_report("quay")
    with running_cache(upstream, tmp_path / "state") as cache:
        after = cache.rule_report("quay")
    assert (after["state"], after["last_error"]["reason"]) == ("failing", before["last_error"]["reason"])
    assert after["last_success"]


def test_a_rule_that_was_made_anew_has_no_past(cache, upstream):
    cache.rule()
    cache.manifest(NAME, "v1")
    cache.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    cache.advance(seconds=1)
    cache.rule()
    assert (cache.rule_report("quay")["state"], cache.rule_report("quay")["last_error"]) == ("unknown", None)


def test_a_rule_for_another_registry_of_the_emulator_says_so(cache):
    cache.rule("peer", f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com")
    assert cache.manifest("peer/team/app", "v1").status_code == 404
    rule = cache.rule_report("peer")
    assert (rule["address"], rule["state"]) == ("this emulator", "ok")
    assert "has no team/app v1" in rule["last_error"]["reason"]
    assert cache.refresh("peer/team/app:v1").json["refreshed"][0]["outcome"] == "failed"


def test_rules_are_those_of_one_registry_and_others_are_named(cache):
    cache.rule()
    found = cache.rule_reports(region="eu-west-1")
    assert (found["rules"], found["elsewhere"]) == ([], [{"account": "123456789012", "region": "us-east-1"}])
    assert cache.rule_reports()["elsewhere"] == []
    for where in ({"account": "12"}, {"region": "here"}):
        answer = cache.http.get("/_ecr/rules", query_string=where)
        assert answer.status_code == 400
        assert next(iter(where)) in answer.json["error"]


def test_validating_a_rule_asks_an_upstream_that_is_left_alone(cache, upstream):
    upstream.fail("/manifests/", answers(503), count=99)
    cache.rule()
    for number in range(5):
        cache.manifest(NAME, f"v{number}")
    upstream.heal()
    assert cache.ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="quay")["isValid"]
    assert cache.manifest(NAME, "v9").status_code == 404
