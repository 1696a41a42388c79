"""Authentication at upstreams: Basic, bearer tokens, refusals, and the hosts that get a credential."""

import json
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ecr_emulator.ports.secrets import Credential
from ecr_emulator.ports.upstream_failures import (
    UpstreamAccessDenied,
    UpstreamFailure,
    UpstreamNotFound,
    UpstreamTooManyRequests,
    UpstreamUnavailable,
)
from ecr_emulator.testing.upstream.auth import Basic, Bearer
from ecr_emulator.testing.upstream.faults import Reply, answers, hang_up, redirects
from ecr_emulator.testing.upstream.images import artifact, image
from ecr_emulator.upstream.addresses import UpstreamMap
from ecr_emulator.upstream.token_services import check_realm
from tests.support.upstream_adapter import SECRET, a_rule

NAME = "library/nginx"
CREDENTIAL = Credential("somebody", "dckr_pat_1")
ENCODED = "Basic " + b64encode(b"somebody:dckr_pat_1").decode()
SENTENCE = (
    "The authentication to the upstream registry failed. Verify that the credentials provided in the pull through "
    "cache rule are correct, and try again."
)


@pytest.fixture
def nginx(hub):
    held = image()
    hub.add_image(NAME, held, "latest")
    return held


def test_an_open_registry_sees_no_credential(hub, adapter, nginx):
    adapter.at(credential=CREDENTIAL).manifest(NAME, "latest")
    assert [request.authorization for request in hub.requests] == [""]


def test_basic_is_answered_with_the_credential_and_then_remembered(hub, adapter, nginx):
    hub.auth = Basic(*CREDENTIAL)
    upstream = adapter.at(credential=CREDENTIAL)

    upstream.manifest(NAME, "latest")
    upstream.head_manifest(NAME, "latest")

    assert [request.authorization for request in hub.requests] == ["", ENCODED, ENCODED]


@pytest.mark.parametrize("token_field", ["token", "access_token"])
def test_a_token_is_fetched_with_the_credential_for_this_repository(hub, adapter, nginx, token_field):
    hub.auth = Bearer(tuple(CREDENTIAL), token_field=token_field)

    assert adapter.at(credential=CREDENTIAL).manifest(NAME, "latest").raw == nginx.raw

    (token,) = hub.asked("GET", "/token")
    assert token.authorization == ENCODED
    assert token.query == "service=scripted&scope=repository%3Alibrary%2Fnginx%3Apull"
    assert [request.authorization for request in hub.asked("GET", "/manifests/")] == ["", "Bearer token-1"]


def test_without_a_credential_the_token_is_fetched_anonymously(hub, adapter, nginx):
    hub.auth = Bearer()
    assert adapter.at().manifest(NAME, "latest").raw == nginx.raw
    assert [request.authorization for request in hub.asked("GET", "/token")] == [""]


def test_a_token_serves_all_requests_to_a_repository(hub, adapter, nginx):
    hub.auth = Bearer()
    upstream = adapter.at()

    upstream.manifest(NAME, "latest")
    for blob in nginx.blobs:
        assert b"".join(upstream.blob(NAME, blob.digest, blob.size)) == blob.raw

    assert hub.count("GET", "/token") == 1
    assert len(hub.requests) == 5


def test_rules_of_one_adapter_share_a_token_but_not_with_another_credential(hub, adapter, nginx):
    hub.auth = Bearer()
    upstreams = adapter.upstreams()

    for held in (CREDENTIAL, CREDENTIAL, Credential("somebody", "rotated")):
        adapter.secrets.held = held
        upstreams.at(a_rule(credential_arn=SECRET)).manifest(NAME, "latest")

    assert hub.count("GET", "/token") == 2


def test_many_at_once_share_one_token(hub, adapter, nginx):
    hub.auth = Bearer()
    upstream = adapter.at()
    with ThreadPoolExecutor(20) as threads:
        manifests = list(threads.map(lambda _: upstream.manifest(NAME, "latest"), range(20)))
    assert {manifest.raw for manifest in manifests} == {nginx.raw}
    assert hub.count("GET", "/token") == 1


@pytest.mark.parametrize(("expires_in", "tokens"), [(29, 2), (31, 1), (None, 1), ("soon", 1), (True, 1), (-1, 1)])
def test_a_token_is_not_used_in_its_last_half_minute(hub, adapter, nginx, expires_in, tokens):
    hub.auth = Bearer(expires_in=expires_in)
    upstream = adapter.at()
    upstream.manifest(NAME, "latest")
    upstream.manifest(NAME, "latest")
    assert hub.count("GET", "/token") == tokens


def test_a_token_that_is_refused_is_replaced_once(hub, adapter, nginx):
    hub.auth = Bearer()
    upstream = adapter.at()
    upstream.manifest(NAME, "latest")
    hub.revoke_tokens()

    assert upstream.manifest(NAME, "latest").raw == nginx.raw
    assert hub.count("GET", "/token") == 2


def test_an_upstream_that_refuses_every_token_is_not_asked_for_ever(hub, adapter, nginx):
    hub.auth = Bearer()
    challenge = f'Bearer realm="{hub.url}/token",service="scripted",error="invalid_token"'
    hub.fail("/manifests/", status=401, headers={"WWW-Authenticate": challenge}, count=9)

    with pytest.raises(UpstreamAccessDenied) as denied:
        adapter.at(credential=CREDENTIAL).manifest(NAME, "latest")

    assert denied.value.message == SENTENCE
    assert (hub.count("GET", "/manifests/"), hub.count("GET", "/token")) == (2, 1)


@pytest.mark.parametrize("auth", [Basic(*CREDENTIAL), Bearer(tuple(CREDENTIAL))], ids=["basic", "bearer"])
def test_a_wrong_credential_is_denied_in_the_words_of_ecr(hub, adapter, nginx, auth):
    hub.auth = auth
    upstream = adapter.at(credential=Credential("somebody", "wrong"))
    for ask in (upstream.manifest, upstream.head_manifest):
        with pytest.raises(UpstreamAccessDenied) as denied:
            ask(NAME, "latest")
        assert denied.value.message == SENTENCE
    assert adapter.pauses == []


@pytest.mark.parametrize("auth", [Basic(*CREDENTIAL), Bearer(tuple(CREDENTIAL))], ids=["basic", "bearer"])
def test_a_private_image_is_not_found_without_a_credential(hub, adapter, nginx, auth):
    hub.auth = auth
    with pytest.raises(UpstreamNotFound, match="without a credential"):
        adapter.at().manifest(NAME, "latest")


@pytest.mark.parametrize("credential", [CREDENTIAL, None], ids=["credential", "anonymous"])
def test_forbidden_is_denied(hub, adapter, nginx, credential):
    hub.fail("/manifests/", status=403)
    with pytest.raises(UpstreamAccessDenied):
        adapter.at(credential=credential).manifest(NAME, "latest")


@pytest.mark.parametrize(
    "fault",
    [
        answers(200, b"{}"),
        answers(200, b"no json"),
        answers(200, json.dumps({"token": "a\r\nX-Evil: yes"}).encode()),
        answers(200, json.dumps({"token": 7}).encode()),
        answers(200, json.dumps({"token": "t", "padding": "x" * 65_536}).encode()),
        answers(404),
    ],
    ids=["empty", "not json", "header injection", "a number", "more than 64 KiB", "not found"],
)
def test_a_token_endpoint_that_sends_no_token_makes_the_upstream_unavailable(hub, adapter, nginx, fault):
    hub.auth = Bearer()
    hub.fail("/token", fault)
    with pytest.raises(UpstreamUnavailable, match="token"):
        adapter.at().manifest(NAME, "latest")


def test_a_token_endpoint_that_fails_is_asked_three_times_in_all(hub, adapter, nginx):
    hub.auth = Bearer()
    hub.fail("/token", status=503, count=9)
    with pytest.raises(UpstreamUnavailable, match="503"):
        adapter.at().manifest(NAME, "latest")
    assert (hub.count("GET", "/token"), adapter.pauses) == (3, [0.5, 1.0])


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda tokens: tokens.stop(), "cannot be reached: Connection refused"),
        (lambda tokens: tokens.fail("/token", status=503, count=9), "answered 503"),
        (lambda tokens: tokens.fail("/token", status=404), "answered 404 when asked for a token"),
        (lambda tokens: tokens.fail("/token", status=429, headers={"Retry-After": "900"}), "answered 429"),
        (lambda tokens: tokens.fail("/token", answers(200, b"{}")), "answered a token request without a token"),
        (lambda tokens: tokens.fail("/token", redirects("http://10.0.0.1/")), "redirects to http://10.0.0.1/"),
        (lambda tokens: tokens.fail("/token", redirects("/token"), count=9), "redirects more than 5 times"),
    ],
    ids=["refused", "503", "404", "429", "no token", "redirect", "circle"],
)
def test_a_token_service_that_fails_is_named_with_the_registry_that_wants_its_tokens(
    hub, adapter, nginx, new_upstream, break_it, words
):
    tokens = new_upstream()
    hub.auth = tokens.auth = Bearer(realm=f"{tokens.url}/token")
    adapter.addresses["auth.docker.io"] = tokens.url
    break_it(tokens)

    with pytest.raises(UpstreamFailure) as failed:
        adapter.at().manifest(NAME, "latest")
    assert f"127.0.0.1:{tokens.port}, to which registry-1.docker.io redirects, {words}" in failed.value.reason


def test_a_token_endpoint_may_be_rate_limited(hub, adapter, nginx):
    hub.auth = Bearer()
    hub.fail("/token", status=429, headers={"Retry-After": "900"})
    with pytest.raises(UpstreamTooManyRequests) as limited:
        adapter.at().manifest(NAME, "latest")
    assert limited.value.retry_after == 900


def test_the_realm_may_keep_its_public_name(hub, adapter, nginx, new_upstream):
    tokens = new_upstream()
    hub.auth = tokens.auth = Bearer(tuple(CREDENTIAL), realm="https://auth.docker.io/token")
    adapter.addresses["auth.docker.io"] = tokens.url

    assert adapter.at(credential=CREDENTIAL).manifest(NAME, "latest").raw == nginx.raw
    assert [request.authorization for request in tokens.requests] == [ENCODED]


def test_a_realm_of_another_site_gets_no_credential(hub, adapter, nginx, new_upstream):
    stranger = new_upstream()
    stranger.auth = Bearer()
    hub.auth = Bearer(realm="https://tokens.example.com/token")
    adapter.addresses["tokens.example.com"] = stranger.url.replace("127.0.0.1", "localhost")

    with pytest.raises(UpstreamAccessDenied):
        adapter.at(credential=CREDENTIAL).manifest(NAME, "latest")
    assert [request.authorization for request in stranger.requests] == [""]


@pytest.mark.parametrize(
    ("registry", "realm", "is_trusted"),
    [
        ("registry-1.docker.io", "https://auth.docker.io/token", True),
        ("registry.gitlab.com", "https://gitlab.com/jwt/auth", True),
        ("public.ecr.aws", "https://public.ecr.aws/token/", True),
        ("quay.io", "https://quay.io/v2/auth", True),
        ("ghcr.io", "https://ghcr.io/token", True),
        ("cgr.dev", "https://cgr.dev/token", True),
        ("acme.azurecr.io", "https://acme.azurecr.io/oauth2/token", True),
        ("acme.azurecr.io", "https://evil.azurecr.io/oauth2/token", False),
        ("registry-1.docker.io", "https://auth.docker.io.evil.com/token", False),
        ("registry-1.docker.io", "https://evildocker.io/token", False),
        ("registry-1.docker.io", "https://user@evil.com/auth.docker.io", False),
        ("registry-1.docker.io", "https://8.8.8.8/token", False),
        ("registry.acme.co.uk", "https://evil.co.uk/token", False),
    ],
)
def test_a_credential_goes_to_realms_of_the_same_site_only(registry, realm, is_trusted):
    assert check_realm(realm, registry, UpstreamMap()) is is_trusted


@pytest.mark.parametrize(
    "realm",
    [
        "http://auth.docker.io/token",
        "https://169.254.169.254/latest",
        "https://localhost/token",
        "https://[::1]/token",
        "ftp://auth.docker.io/token",
        "/token",
        "",
        "https://auth.docker.io:port/",
    ],
)
def test_some_realms_are_not_even_asked(realm):
    with pytest.raises(UpstreamUnavailable, match=r"registry-1\.docker\.io names a token realm"):
        check_realm(realm, "registry-1.docker.io", UpstreamMap())


def test_an_address_that_stands_in_for_a_registry_may_be_its_own_realm():
    addresses = UpstreamMap({"registry-1.docker.io": "http://127.0.0.1:5999"})
    assert check_realm("http://127.0.0.1:5999/token", "registry-1.docker.io", addresses)
    assert check_realm("http://127.0.0.1:6000/token", "registry-1.docker.io", addresses)
    with pytest.raises(UpstreamUnavailable):
        check_realm("http://auth.docker.io/token", "registry-1.docker.io", addresses)


def hides(status):
    """An upstream that hides its images from anonymous clients, and sends a challenge only at /v2/."""

    def deviation(request, reply):
        is_stranger = reply.status == 401 and request.path not in ("/v2/", "/token")
        return Reply(status) if is_stranger else reply

    return deviation


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("auth", [Basic(*CREDENTIAL), Bearer(tuple(CREDENTIAL))], ids=["basic", "bearer"])
def test_a_credential_is_tried_where_an_upstream_hides_what_it_has(hub, adapter, nginx, auth, status):
    hub.auth, hub.deviation = auth, hides(status)
    upstream = adapter.at(credential=CREDENTIAL)

    assert upstream.manifest(NAME, "latest").raw == nginx.raw
    assert hub.count("GET", "/v2/?") == 1
    asked = len(hub.requests)
    assert upstream.head_manifest(NAME, "latest").digest == nginx.digest
    for blob in nginx.blobs:
        assert b"".join(upstream.blob(NAME, blob.digest, blob.size)) == blob.raw
    assert len(hub.requests) == asked + 3, "later requests are authorized at once"


@pytest.mark.parametrize("first", ["head", "blob", "referrers"])
def test_the_order_of_the_first_requests_does_not_matter(hub, adapter, nginx, first):
    hub.auth, hub.deviation = Bearer(tuple(CREDENTIAL)), hides(404)
    upstream = adapter.at(credential=CREDENTIAL)
    signature = artifact(nginx)
    hub.add_image(NAME, signature)
    if first == "head":
        assert upstream.head_manifest(NAME, "latest").digest == nginx.digest
    elif first == "blob":
        assert b"".join(upstream.blob(NAME, nginx.config.digest, nginx.config.size)) == nginx.config.raw
    else:
        assert [each.digest for each in upstream.referrers(NAME, nginx.digest)] == [signature.digest]


def test_a_hidden_image_stays_hidden_from_wrong_credentials_and_anonymous_clients(hub, adapter, nginx):
    hub.auth, hub.deviation = Bearer(tuple(CREDENTIAL)), hides(404)
    with pytest.raises(UpstreamAccessDenied, match="the access token in the secret is wrong"):
        adapter.at(credential=Credential("somebody", "wrong")).manifest(NAME, "latest")
    hub.requests.clear()
    with pytest.raises(UpstreamNotFound):
        adapter.at().manifest(NAME, "latest")
    assert len(hub.requests) == 1


def test_an_open_upstream_is_asked_once_an_hour_whether_it_hides_anything(hub, adapter, nginx):
    upstream = adapter.at(credential=CREDENTIAL)
    for number in range(3):
        with pytest.raises(UpstreamNotFound):
            upstream.manifest(NAME, f"nowhere-{number}")
    assert (hub.count("GET", "/v2/?"), hub.count("GET", "/manifests/")) == (1, 3)
    hub.auth, hub.deviation = Basic(*CREDENTIAL), hides(404)
    adapter.clock.advance(timedelta(hours=1))
    assert upstream.manifest(NAME, "latest").raw == nginx.raw


@pytest.mark.parametrize(
    "fault", [answers(503), answers(429, Retry_After="3600"), hang_up()], ids=["503", "429", "cut"]
)
def test_an_upstream_that_cannot_be_asked_whether_it_hides_anything_is_asked_again(hub, adapter, nginx, fault):
    hub.auth, hub.deviation = Basic(*CREDENTIAL), hides(404)
    hub.fail("/v2/?", fault)
    upstream = adapter.at(credential=CREDENTIAL)
    with pytest.raises(UpstreamNotFound):
        upstream.manifest(NAME, "latest")
    adapter.clock.advance(timedelta(seconds=5))
    assert upstream.manifest(NAME, "latest").raw == nginx.raw


def test_anonymous_clients_see_public_images_though_they_get_no_token(hub, adapter, nginx):
    """One rule has a secret, another has none."""
    hub.auth = Bearer(tuple(CREDENTIAL))
    upstreams = adapter.upstreams()
    adapter.secrets.held = CREDENTIAL
    upstreams.at(a_rule(credential_arn=SECRET)).manifest(NAME, "latest")
    public = answers(200, nginx.raw, Content_Type=nginx.media_type)
    hub.deviation = lambda request, reply: public(request, reply) if "/manifests/" in request.path else reply
    assert upstreams.at(a_rule()).manifest(NAME, "latest").raw == nginx.raw


@pytest.mark.parametrize("auth", [None, Basic(*CREDENTIAL), Bearer(tuple(CREDENTIAL))], ids=["open", "basic", "bearer"])
def test_ping_is_content_with_a_registry_that_takes_the_credential(hub, adapter, auth):
    hub.auth = auth
    adapter.at(credential=CREDENTIAL).ping()
    assert hub.requests[-1].path == "/v2/"


@pytest.mark.parametrize("credential", [Credential("somebody", "wrong"), None], ids=["wrong", "anonymous"])
def test_ping_reports_a_credential_that_is_refused(hub, adapter, credential):
    hub.auth = Basic(*CREDENTIAL)
    with pytest.raises(UpstreamAccessDenied) as denied:
        adapter.at(credential=credential).ping()
    assert denied.value.message == SENTENCE


def test_ping_reports_a_host_that_is_no_registry(hub, adapter):
    hub.fail("/v2/", status=404)
    with pytest.raises(UpstreamUnavailable, match="answered 404"):
        adapter.at().ping()


def test_ping_reports_a_host_that_cannot_be_reached(hub, adapter):
    hub.stop()
    with pytest.raises(UpstreamUnavailable, match="Connection refused"):
        adapter.at().ping()
