"""The upstreams that ECR pulls through, each with its challenge, token service, redirects and words.

===========  ====================  =================  ==============================================================
upstream     tokens from           bytes from         and
===========  ====================  =================  ==============================================================
Docker Hub   another host          CDN                says 401 of what is not there, and 429 in many words
ECR Public   itself, ``/token/``   CDN, GET only      a challenge with ``scope="aws"``
Kubernetes   nobody                bucket             redirects manifests too, has no referrers API
Quay         itself, ``/v2/auth``  CDN, by 302        two challenges in one header
GitHub       itself                CDN                a challenge for an example, no referrers API
Azure        itself, ``/oauth2``   blob storage       hides OCI images from who does not accept them; ``access_token``
GitLab       gitlab.com            CDN                a service that is no host, deep names
Chainguard   itself                bucket             a user name with a slash, long tokens
Private ECR  nobody: Basic         bucket             IAM, which is asked in process only
===========  ====================  =================  ==============================================================
"""

from contextlib import ExitStack

import pytest

from ecr_emulator.ports.secrets import Credential
from ecr_emulator.ports.upstream_failures import UpstreamAccessDenied, UpstreamNotFound, UpstreamTooManyRequests
from ecr_emulator.testing.upstream import kinds
from ecr_emulator.testing.upstream.faults import answers
from ecr_emulator.testing.upstream.images import artifact, multi_arch
from ecr_emulator.testing.upstream.kinds import (
    AZURE,
    CHAINGUARD,
    DOCKER_HUB,
    ECR_PUBLIC,
    GITHUB,
    GITLAB,
    KUBERNETES,
    PRIVATE_ECR,
    QUAY,
)
from ecr_emulator.testing.upstream.servers import UpstreamServers
from tests.support.upstream_adapter import Adapter

NAMES = {
    DOCKER_HUB: "library/nginx",
    ECR_PUBLIC: "docker/library/nginx",
    KUBERNETES: "kube-apiserver",
    QUAY: "prometheus/node-exporter",
    GITHUB: "acme/app",
    AZURE: "team/app",
    GITLAB: "/".join(["a-group", *(f"sub-group-{number}" for number in range(18)), "project", "image"]),
    CHAINGUARD: "example.com/chainguard-base",
}
IDS = {each: name.lower() for name, each in vars(kinds).items() if isinstance(each, kinds.UpstreamKind)}
GUARDED = [each for each in NAMES if each.credential]
OPEN = [each for each in NAMES if not each.credential]
APP = multi_arch()
DENIED = (
    "The authentication to the upstream registry failed. Verify that the credentials provided in the pull through "
    "cache rule are correct, and try again."
)


def upstreams(kinds):
    return pytest.mark.parametrize("kind", kinds, ids=IDS.get)


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def servers(stack, kind):
    servers = UpstreamServers(kind, stack)
    if kind in NAMES:
        servers.add(NAMES[kind], APP, "v1")
    return servers


@pytest.fixture
def upstream(stack, servers):
    return Adapter(stack, servers.addresses).at(servers.kind.host, servers.kind.credential)


def read(upstream, name, blob):
    return b"".join(upstream.blob(name, blob.digest, blob.size))


@upstreams(NAMES)
def test_an_image_is_fetched_from_its_tag_to_its_last_layer(servers, upstream, kind):
    name = NAMES[kind]
    assert upstream.head_manifest(name, "v1").digest == APP.digest
    assert upstream.manifest(name, "v1").raw == APP.raw
    for child in APP.images:
        assert upstream.manifest(name, child.digest).raw == child.raw
        for blob in child.blobs:
            assert read(upstream, name, blob) == blob.raw
    assert {request.method for request in servers.storage.requests} == {"GET"}
    assert servers.registry.count("HEAD", "/blobs/") == 0


@upstreams([each for each in NAMES if each.realm])
def test_one_token_is_asked_for_as_the_challenge_says(servers, upstream, kind):
    upstream.manifest(NAMES[kind], "v1")
    read(upstream, NAMES[kind], APP.images[0].config)
    path = servers.tokens.auth.path
    (token,) = [request for request in servers.tokens.requests if request.path == path]
    scope = f"repository:{NAMES[kind]}:pull".replace(":", "%3A").replace("/", "%2F")
    assert token.query == f"service={kind.service}&scope={scope}"
    assert token.authorization.startswith("Basic ") == (kind.credential is not None)


@upstreams(NAMES)
def test_the_credential_goes_to_the_realm_and_the_token_to_the_registry_alone(servers, upstream, kind):
    name = NAMES[kind]
    upstream.manifest(name, "v1")
    read(upstream, name, APP.images[0].config)
    upstream.ping()

    realm = servers.tokens.auth.path if servers.tokens else ""
    assert servers.authorizations(servers.registry, but_for=realm) == ({"Bearer"} if kind.realm else set())
    for elsewhere in (servers.storage, servers.backend):
        assert servers.authorizations(elsewhere) == set()


@upstreams(NAMES)
def test_it_answers_a_ping(upstream):
    upstream.ping()


@upstreams(GUARDED)
def test_a_wrong_credential_is_denied_in_the_words_of_ecr(stack, servers, kind):
    upstream = Adapter(stack, servers.addresses).at(kind.host, Credential("somebody", "expired"))
    for ask in (lambda: upstream.manifest(NAMES[kind], "v1"), upstream.ping):
        with pytest.raises(UpstreamAccessDenied) as denied:
            ask()
        assert denied.value.message == DENIED


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (DOCKER_HUB, UpstreamAccessDenied),
        (ECR_PUBLIC, UpstreamNotFound),
        (KUBERNETES, UpstreamNotFound),
        (QUAY, UpstreamNotFound),
        (GITHUB, UpstreamNotFound),
        (AZURE, UpstreamNotFound),
        (GITLAB, UpstreamNotFound),
        (CHAINGUARD, UpstreamNotFound),
    ],
    ids=IDS.get,
)
def test_a_missing_image_is_not_found_unless_the_upstream_says_otherwise(upstream, kind, expected):
    for ask in (upstream.manifest, upstream.head_manifest):
        with pytest.raises(expected) as refused:
            ask("no/such", "v1")
        assert type(refused.value) is expected
        assert expected is UpstreamAccessDenied or kind.host in refused.value.reason


@upstreams([GITHUB, KUBERNETES])
def test_without_a_referrers_api_the_fallback_tag_is_asked_for(servers, upstream, kind):
    name, app = NAMES[kind], APP.images[0]
    assert upstream.referrers(name, app.digest) == []
    asked = [request.path.rpartition("/")[2] for request in servers.registry.requests if name in request.path]
    assert asked[-2:] == [app.digest, app.digest.replace(":", "-")]


@upstreams([each for each in NAMES if each.has_referrers_api])
def test_with_a_referrers_api_it_is_asked(servers, upstream, kind):
    signature = artifact(APP.images[0])
    servers.add(NAMES[kind], signature, "signature")
    (found,) = upstream.referrers(NAMES[kind], APP.images[0].digest)
    assert found.digest == signature.digest


# --- One by one ------------------------------------------------------------------------------------------


@upstreams([DOCKER_HUB])
@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("nginx", "Docker Hub keeps official images under library/, so this may be library/nginx"),
        ("library/no-such", "or there is no repository of this name"),
        ("acme/no-such", "or there is no repository of this name"),
    ],
)
def test_docker_hub_hides_what_is_not_there_and_we_say_what_it_may_mean(upstream, name, cause):
    with pytest.raises(UpstreamAccessDenied) as denied:
        upstream.manifest(name, "v1")
    assert denied.value.message == DENIED
    assert cause in denied.value.reason


@upstreams([DOCKER_HUB])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your unauthenticated pull rate limit. '
            b'https://www.docker.com/increase-rate-limit"}]}',
            "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit",
        ),
        (b"Too Many Requests (HAP429)", "Too Many Requests (HAP429)"),
        (b"<html><body>429 Too Many Requests</body></html>", None),
        (b"", None),
    ],
    ids=["JSON", "text", "HTML", "empty"],
)
def test_docker_hub_refuses_for_its_rate_limit_in_many_words(servers, upstream, body, words):
    servers.registry.fail("/manifests/", answers(429, body, Retry_After="3600"))
    with pytest.raises(UpstreamTooManyRequests) as limited:
        upstream.manifest(NAMES[DOCKER_HUB], "v1")
    assert limited.value.retry_after == 3600
    assert limited.value.reason.endswith(f"answered 429: {words}" if words else "answered 429")


@upstreams([QUAY])
def test_quay_offers_basic_too_and_is_sent_no_password(servers, upstream):
    upstream.manifest(NAMES[QUAY], "v1")
    assert servers.authorizations(servers.registry) == {"Bearer"}


@upstreams([AZURE])
def test_azure_shows_its_oci_images_because_every_request_accepts_them(servers, upstream):
    upstream.head_manifest(NAMES[AZURE], "v1")
    upstream.manifest(NAMES[AZURE], "v1")
    assert all(
        "application/vnd.oci.image.index.v1+json" in each.headers["Accept"]
        for each in servers.registry.asked(None, "/manifests/")
    )


@upstreams([KUBERNETES])
def test_kubernetes_is_asked_and_the_backend_that_it_names(servers, upstream):
    upstream.manifest(NAMES[KUBERNETES], "v1")
    assert [each.path for each in servers.backend.requests] == [
        "/v2/k8s-artifacts-prod/images/kube-apiserver/manifests/v1"
    ]


@upstreams([PRIVATE_ECR])
def test_a_private_ecr_registry_over_the_network_shows_nothing_without_iam(servers, upstream):
    servers.add("team/app", APP, "v1")
    with pytest.raises(UpstreamNotFound, match="without a credential"):
        upstream.manifest("team/app", "v1")
    assert servers.authorizations(servers.registry) == set()
