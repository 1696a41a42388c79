"""``emulator.upstream``: pulls through the cache from programmable upstreams, with real clients of ECR."""

import json

import pytest

HUB = "registry-1.docker.io"


@pytest.fixture
def emulator(emulator):
    yield emulator
    emulator.close_upstreams()


def rule(emulator, host, prefix, credential=None):
    """Create a rule, with a secret if there is a credential."""
    given = {}
    if credential:
        secret = json.dumps({"username": credential.username, "accessToken": credential.access_token})
        secrets = emulator.client("secretsmanager")
        given["credentialArn"] = secrets.create_secret(Name=f"ecr-pullthroughcache/{prefix}", SecretString=secret)[
            "ARN"
        ]
    emulator.client().create_pull_through_cache_rule(ecrRepositoryPrefix=prefix, upstreamRegistryUrl=host, **given)


@pytest.fixture
def hub(emulator):
    """Return a stand-in for Docker Hub with an image, and a rule for it."""
    hub = emulator.upstream(HUB)
    hub.push_image("library/nginx", "1.27", platforms=("linux/amd64", "linux/arm64"))
    rule(emulator, HUB, "docker-hub", hub.credential)
    return hub


def test_an_image_of_docker_hub_is_pulled_through_the_cache_once(emulator, hub):
    first = emulator.pull("docker-hub/library/nginx:1.27")
    asked = hub.count("GET", "/library/nginx/manifests/1.27")
    assert asked == 2, "without a token, and with one"
    assert emulator.pull("docker-hub/library/nginx:1.27").digest == first.digest
    assert hub.count("GET", "/library/nginx/manifests/1.27") == asked
    assert hub.tokens.count("GET", "scope=repository") >= 1
    assert {request.authorization.partition(" ")[0] for request in hub.storage.requests} == {""}


def test_a_cached_image_is_served_while_docker_hub_is_down(emulator, hub):
    pulled = emulator.pull("docker-hub/library/nginx:1.27")
    hub.stop()
    emulator.clock.freeze()
    emulator.clock.advance("25h")
    assert emulator.pull("docker-hub/library/nginx:1.27").digest == pulled.digest
    hub.start()


@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [
        (429, {}, "TOOMANYREQUESTS"),
        (429, {"Retry-After": "3600"}, "TOOMANYREQUESTS"),
        (503, {}, "UNKNOWN"),
        (403, {}, "DENIED"),
    ],
)
def test_a_client_hears_why_an_upstream_refuses(emulator, hub, status, headers, code):
    emulator.clock.freeze()
    hub.fail("/manifests/", status=status, headers=headers, count=10)
    with pytest.raises(Exception, match=code):
        emulator.pull("docker-hub/library/nginx:1.27")
    hub.heal()
    emulator.clock.advance("2h")
    assert emulator.pull("docker-hub/library/nginx:1.27")


def test_an_expired_token_is_renewed(emulator, hub):
    hub.push_image("library/redis", "7")
    emulator.pull("docker-hub/library/redis:7")
    hub.push_image("library/redis", "8")
    hub.expire_tokens()
    assert emulator.pull("docker-hub/library/redis:8")


@pytest.mark.parametrize(
    ("host", "prefix", "has_credential"),
    [
        ("ghcr.io", "ghcr", True),
        ("quay.io", "quay", False),
        ("registry.gitlab.com", "gitlab", True),
        ("fabrikam.azurecr.io", "azure", True),
        ("registry.k8s.io", "k8s", False),
        ("public.ecr.aws", "ecr-public", False),
    ],
)
def test_the_public_registries_can_be_imitated(emulator, host, prefix, has_credential):
    upstream = emulator.upstream(host)
    digest = upstream.push_image("team/app", "v1", layers=2, size=10_000)
    rule(emulator, host, prefix, upstream.credential if has_credential else None)
    assert emulator.pull(f"{prefix}/team/app:v1").digest == digest
    assert upstream.storage.requests, "the blobs came from where it redirects to"


def test_an_upstream_is_the_same_one_until_it_is_closed(emulator):
    first = emulator.upstream("quay.io")
    assert emulator.upstream("quay.io") is first
    emulator.close_upstreams()
    assert emulator.upstream("quay.io") is not first
