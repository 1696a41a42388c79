"""Secrets that are corrected or replaced while the emulator runs. Their values appear nowhere."""

import json

import pytest

from ecr_emulator.testing.upstream.auth import Bearer
from ecr_emulator.testing.upstream.images import image
from tests.support.pull_through import CREDENTIAL

NAME = "docker-hub/library/nginx"
DENIED = (
    "The authentication to the upstream registry failed. Verify that the credentials provided in the pull through "
    "cache rule are correct, and try again."
)


@pytest.fixture
def hub(private_upstream):
    private_upstream.add_image("library/nginx", image(), "1.27")
    return private_upstream


@pytest.fixture
def secret(cache):
    return cache.secret()


@pytest.fixture
def cold(cache, hub, secret):
    """A rule with a secret that works, and nothing cached."""
    cache.rule("docker-hub", "registry-1.docker.io", credentialArn=secret)
    return cache


def put(cache, secret, text):
    cache.secrets.put_secret_value(SecretId=secret, SecretString=text)


def delete(cache, secret):
    cache.secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)


SPOILT = {
    "deleted": delete,
    "not JSON": lambda cache, secret: put(cache, secret, "hunter2"),
    "a key missing": lambda cache, secret: put(cache, secret, '{"username": "hub-user"}'),
    "a list": lambda cache, secret: put(cache, secret, "[]"),
    "no text": lambda cache, secret: put(cache, secret, '{"username": "hub-user", "accessToken": 7}'),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_spoilt_secret_denies_a_first_pull_and_asks_the_upstream_nothing(cold, hub, secret, spoil):
    spoil(cold, secret)
    answer = cold.manifest(NAME, "1.27")
    (error,) = answer.json["errors"]
    assert (answer.status_code, error["code"], error["message"]) == (403, "DENIED", DENIED)
    assert cold.events()[-1]["failure-code"] == "UpstreamAccessDenied"
    assert "secret" in cold.events()[-1]["failure-reason"]
    assert (hub.requests, cold.repositories()) == ([], [])


def test_a_secret_that_was_mended_works_without_a_restart(cold, secret):
    put(cold, secret, "hunter2")
    assert cold.manifest(NAME, "1.27").status_code == 403
    put(cold, secret, json.dumps(dict(zip(("username", "accessToken"), CREDENTIAL, strict=True))))
    assert cold.manifest(NAME, "1.27").status_code == 200


def test_a_secret_that_was_deleted_is_replaced_by_an_update_of_the_rule(cold, secret):
    delete(cold, secret)
    assert cold.manifest(NAME, "1.27").status_code == 403
    another = cold.secret(name="ecr-pullthroughcache/another")
    cold.ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="docker-hub", credentialArn=another)
    assert cold.manifest(NAME, "1.27").status_code == 200


def test_a_rotated_secret_is_used_though_the_token_of_the_old_one_would_still_do(cold, hub, secret):
    cold.pull(NAME, "1.27")
    cold.settle()
    cold.advance(hours=25)
    hub.auth = Bearer(("hub-user", "rotated"), scopes=hub.auth.scopes)
    put(cold, secret, '{"username": "hub-user", "accessToken": "rotated"}')
    hub.requests.clear()
    assert cold.pull(NAME, "1.27") == image().raw
    assert [request.method for request in hub.requests if request.path != "/token"] == ["HEAD"]
    assert hub.count("GET", "/token") == 1
    assert cold.events()[-1]["sync-status"] == "SUCCESS"


def test_the_password_is_in_no_answer_no_event_and_no_log(cache, hub, caplog):
    secret = cache.secret(access_token="pass-word-1")
    cache.rule("docker-hub", "registry-1.docker.io", credentialArn=secret)
    answer = cache.manifest(NAME, "1.27")
    assert answer.status_code == 403
    validated = cache.ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="docker-hub")
    assert not validated["isValid"]
    for seen in (answer.text, json.dumps(cache.events()), validated["failure"], caplog.text):
        assert "pass-word-1" not in seen
