"""Credentials of upstreams: secrets are read again, and tokens of clients are not sent to upstreams."""

import json

import pytest

from ecr_emulator.testing.upstream.auth import Basic
from ecr_emulator.testing.upstream.images import image
from tests.support.refusals import refusal

NAME = "docker-hub/library/nginx"


@pytest.mark.consideration("S3a", "S11a")
@pytest.mark.parametrize("auth", ["bearer", "basic"])
def test_the_secret_signs_in_at_the_upstream_and_the_clients_token_stays_here(cache, private_upstream, auth):
    if auth == "basic":
        private_upstream.auth = Basic("hub-user", "hub-token")
    app = image()
    private_upstream.add_image("library/nginx", app, "1.27")
    cache.rule("docker-hub", "registry-1.docker.io", credentialArn=cache.secret())
    assert cache.pull("docker-hub/library/nginx", "1.27") == app.raw
    cache.settle()
    sent = {request.authorization for request in private_upstream.requests}
    client = cache.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert not any(client in authorization for authorization in sent)


def test_a_wrong_credential_is_denied_in_ecrs_words(cache, private_upstream):
    private_upstream.add_image("library/nginx", image(), "1.27")
    cache.rule("docker-hub", "registry-1.docker.io", credentialArn=cache.secret(access_token="wrong"))
    answer = cache.manifest("docker-hub/library/nginx", "1.27")
    assert answer.status_code == 403
    assert answer.json["errors"][0] | {"detail": None} == {
        "code": "DENIED",
        "message": "The authentication to the upstream registry failed. Verify that the credentials provided in "
        "the pull through cache rule are correct, and try again.",
        "detail": None,
    }
    assert cache.repositories() == []


@pytest.mark.consideration("S3c")
def test_a_rotated_secret_is_used_at_the_next_contact(cache, private_upstream):
    private_upstream.add_image("library/nginx", image(), "1.27")
    arn = cache.secret(access_token="old")
    cache.rule("docker-hub", "registry-1.docker.io", credentialArn=arn)
    assert cache.manifest("docker-hub/library/nginx", "1.27").status_code == 403
    cache.secrets.put_secret_value(SecretId=arn, SecretString='{"username": "hub-user", "accessToken": "hub-token"}')
    assert cache.manifest("docker-hub/library/nginx", "1.27").status_code == 200


@pytest.fixture
def cached(cache, private_upstream):
    """An image behind a credential, pulled and due to be checked. Returns the ARN of the secret."""
    private_upstream.add_image("library/nginx", image(), "1.27")
    arn = cache.secret()
    cache.rule("docker-hub", "registry-1.docker.io", credentialArn=arn)
    cache.pull(NAME, "1.27")
    cache.settle()
    cache.advance(hours=25)
    private_upstream.requests.clear()
    return arn


@pytest.mark.consideration("S11b")
def test_first_pulls_and_checks_are_made_as_the_user_of_the_secret_and_warm_pulls_not_at_all(
    cache, private_upstream, cached
):
    assert cache.pull(NAME, "1.27") == image().raw
    (head,) = private_upstream.asked("HEAD", "/manifests/")
    assert head.authorization.startswith("Bearer ")
    for request in private_upstream.asked("GET", "/token"):
        assert request.authorization == "Basic aHViLXVzZXI6aHViLXRva2Vu"
    private_upstream.requests.clear()
    assert cache.pull(NAME, "1.27") == image().raw
    assert private_upstream.requests == []


BROKEN = {
    "not JSON": "hub-token",
    "no token": json.dumps({"username": "hub-user"}),
    "other keys": json.dumps({"user": "hub-user", "password": "hub-token"}),
    "a list": json.dumps(["hub-user", "hub-token"]),
}


@pytest.mark.consideration("S3b")
@pytest.mark.parametrize("value", BROKEN.values(), ids=BROKEN)
def test_a_secret_that_is_no_credential_fails_validation_and_pull(cache, private_upstream, value):
    private_upstream.add_image("library/nginx", image(), "1.27")
    arn = cache.secret()
    cache.rule("docker-hub", "registry-1.docker.io", credentialArn=arn)
    cache.secrets.put_secret_value(SecretId=arn, SecretString=value)
    answer = cache.ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="docker-hub")
    assert answer["isValid"] is False
    assert "username and accessToken" in answer["failure"]
    pulled = cache.manifest(NAME, "1.27")
    assert (pulled.status_code, pulled.json["errors"][0]["code"]) == (403, "DENIED")
    assert refusal(cache.ecr.batch_get_image, repositoryName=NAME, imageIds=[{"imageTag": "1.27"}])[0] == (
        "UnableToGetUpstreamImageException"
    )
    assert "accessToken" in cache.events()[-1]["failure-reason"]
    assert private_upstream.count(None, "/manifests/") == 0


@pytest.mark.consideration("S13a", "S14c")
@pytest.mark.parametrize("harm", ["deleted", "malformed", "wrong"])
def test_a_secret_that_is_no_good_any_more_leaves_cached_images_served(cache, private_upstream, cached, harm):
    if harm == "deleted":
        cache.secrets.delete_secret(SecretId=cached, ForceDeleteWithoutRecovery=True)
    else:
        value = "nonsense" if harm == "malformed" else json.dumps({"username": "hub-user", "accessToken": "wrong"})
        cache.secrets.put_secret_value(SecretId=cached, SecretString=value)
    private_upstream.revoke_tokens()
    assert cache.pull(NAME, "1.27") == image().raw
    event = cache.events()[-1]
    assert (event["sync-status"], event["failure-code"]) == ("FAILED", "UpstreamAccessDenied")
    assert cache.manifest("docker-hub/library/other", "1").status_code == 403, "first pulls fail"


@pytest.mark.consideration("S3c")
def test_a_rotated_secret_checks_cached_tags_too(cache, private_upstream, cached):
    private_upstream.auth = Basic("hub-user", "rotated")
    assert cache.pull(NAME, "1.27") == image().raw
    assert cache.events()[-1]["sync-status"] == "FAILED"
    cache.secrets.put_secret_value(
        SecretId=cached, SecretString=json.dumps({"username": "hub-user", "accessToken": "rotated"})
    )
    cache.advance(minutes=2)
    private_upstream.add_image("library/nginx", image("new"), "1.27")
    assert cache.pull(NAME, "1.27") == image("new").raw


@pytest.mark.consideration("S11a")
def test_the_upstream_hears_nothing_of_the_client(cache, private_upstream, cached):
    cache.get(
        f"/v2/{NAME}/manifests/1.27", **{"User-Agent": "docker/99", "X-Forwarded-For": "192.0.2.7", "Cookie": "a=b"}
    )
    (head,) = private_upstream.asked("HEAD", "/manifests/")
    assert head.headers["User-Agent"] == "ecr-emulator"
    assert not any(name in head.headers for name in ("X-Forwarded-For", "Forwarded", "Cookie"))
