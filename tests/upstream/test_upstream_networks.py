"""Private networks: upstreams cannot make the emulator send requests to hosts inside them."""

import socket
from unittest.mock import patch

import pytest

from ecr_emulator.ports.upstream_failures import UpstreamUnavailable
from ecr_emulator.testing.upstream.auth import Basic, Bearer
from ecr_emulator.testing.upstream.faults import redirects
from ecr_emulator.testing.upstream.images import layer
from ecr_emulator.upstream.redirects import is_private
from tests.support.resolver import resolving
from tests.support.upstream_adapter import CREDENTIAL, NAME, NGINX

BLOB = layer("blob", 500)
PUBLIC = "8.8.8.8"


pytestmark = pytest.mark.usefixtures("nginx")


@pytest.fixture
def inside(new_upstream):
    """A service in the emulator's own network that would answer."""
    service = new_upstream()
    service.add_file("/b", BLOB.raw)
    return service


@pytest.fixture(params=["127.0.0.1", "::1", "10.0.0.5", "169.254.169.254", "fe80::1", "64:ff9b::7f00:1", "0.0.0.0"])
def private(request):
    return request.param


def read(upstream):
    return b"".join(upstream.blob(NAME, BLOB.digest, BLOB.size))


def test_a_redirect_to_a_name_that_means_a_private_address_is_refused(hub, adapter, inside, private):
    hub.fail("/blobs/", redirects(f"http://cdn.test:{inside.port}/b?sig=secret"), count=9)
    with resolving(cdn_test=private), pytest.raises(UpstreamUnavailable) as refused:
        read(adapter.at())
    assert refused.value.reason == (
        f"cdn.test is at {private}, an address inside a private network; put it into the upstream map if that is meant"
    )
    assert (inside.connections, inside.requests) == (0, [])
    assert adapter.pauses == [], "another request would not help"


def test_a_token_realm_at_a_private_address_is_refused(hub, adapter, private):
    hub.auth = Bearer(realm="https://auth.test/token")
    with resolving(auth_test=private), pytest.raises(UpstreamUnavailable, match=r"auth\.test is at .* private network"):
        adapter.at(credential=CREDENTIAL).manifest(NAME, "latest")


def test_a_token_request_that_is_redirected_inside_is_refused_and_takes_no_credential_along(hub, adapter, inside):
    hub.auth = Bearer(tuple(CREDENTIAL))
    hub.fail("/token", redirects(f"http://cdn.test:{inside.port}/b"))
    with resolving(cdn_test="127.0.0.1"), pytest.raises(UpstreamUnavailable, match="private network"):
        adapter.at(credential=CREDENTIAL).manifest(NAME, "latest")
    assert inside.requests == []


def test_a_token_request_that_is_redirected_to_another_host_takes_no_credential_along(hub, adapter, inside):
    adapter.addresses["elsewhere.docker.com"] = inside.url
    hub.auth = Bearer(tuple(CREDENTIAL))
    hub.fail("/token", redirects("https://elsewhere.docker.com/b"))
    with pytest.raises(UpstreamUnavailable, match="without a token"):
        adapter.at(credential=CREDENTIAL).manifest(NAME, "latest")
    assert [request.authorization for request in inside.requests] == [""]


def test_a_connection_uses_the_address_that_was_checked(hub, adapter, inside):
    """DNS rebinding: the second lookup would mean loopback, so there is none."""
    hub.fail("/blobs/", redirects(f"http://cdn.test:{inside.port}/b"))
    connected, really = [], socket.create_connection

    def create_connection(address, timeout=None, **_):
        connected.append(address)
        return really(("127.0.0.1", address[1]), timeout)

    with (
        resolving(cdn_test=[PUBLIC, "127.0.0.1"]) as names,
        patch("urllib3.util.connection.create_connection", create_connection),
    ):
        assert read(adapter.at()) == BLOB.raw
    assert connected[1:] == [(PUBLIC, inside.port)], "after the registry's own"
    assert names.lookups == ["cdn.test"]


def test_every_new_connection_looks_anew(hub, adapter, inside):
    hub.fail("/blobs/", redirects(f"http://cdn.test:{inside.port}/b"), count=9)
    upstream, really = adapter.at(), socket.create_connection

    def create_connection(address, timeout=None, **_):
        return really(("127.0.0.1", address[1]), timeout)

    with (
        resolving(cdn_test=[PUBLIC, "127.0.0.1"]),
        patch("urllib3.util.connection.create_connection", create_connection),
    ):
        assert read(upstream) == BLOB.raw
        inside.stop()
        inside.start()
        with pytest.raises(UpstreamUnavailable, match="private network"):
            read(upstream)
    assert len(inside.requests) == 1


def test_of_several_addresses_only_the_public_ones_are_tried(hub, adapter, inside):
    hub.fail("/blobs/", redirects(f"http://cdn.test:{inside.port}/b"), count=9)
    connected, really = [], socket.create_connection

    def create_connection(address, timeout=None, **_):
        if address[0].startswith("127"):
            return really(address, timeout)
        connected.append(address[0])
        raise {PUBLIC: ConnectionRefusedError(111, "Connection refused"), "8.8.4.4": TimeoutError("timed out")}[
            address[0]
        ]

    with (
        resolving(cdn_test=f"127.0.0.1 {PUBLIC} 10.0.0.1 8.8.4.4"),
        patch("urllib3.util.connection.create_connection", create_connection),
        pytest.raises(UpstreamUnavailable, match=r"cdn\.test.* cannot be reached"),
    ):
        read(adapter.at())
    assert connected == [PUBLIC, "8.8.4.4"] * 3
    assert inside.connections == 0


def test_a_name_that_means_nothing_is_said_to(hub, adapter):
    hub.fail("/blobs/", redirects("https://nowhere.invalid/b"), count=9)
    with (
        patch("socket.getaddrinfo", side_effect=_unknown_but_for(socket.getaddrinfo)),
        pytest.raises(
            UpstreamUnavailable,
            match=r"nowhere\.invalid, to which \S+ redirects, cannot be reached: Name or",
        ),
    ):
        read(adapter.at())


def _unknown_but_for(real):
    def getaddrinfo(host, *args, **options):
        if host == "nowhere.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *args, **options)

    return getaddrinfo


def test_the_host_that_a_rule_names_may_be_anywhere(adapter, hub):
    """A company may have a mirror under the upstream's own name; nothing is listening on 443 here."""
    del adapter.addresses["registry-1.docker.io"]
    with (
        resolving(**{"registry-1_docker_io": "127.0.0.1"}) as names,
        pytest.raises(UpstreamUnavailable, match="Connection refused"),
    ):
        adapter.at().ping()
    assert names.lookups


def test_a_host_that_the_operator_mapped_may_be_anywhere(hub, adapter, inside):
    adapter.addresses["production.cloudflare.docker.com"] = f"http://cdn.test:{inside.port}"
    hub.fail("/blobs/", redirects("https://production.cloudflare.docker.com/b"))
    with resolving(cdn_test="127.0.0.1"):
        assert read(adapter.at()) == BLOB.raw


def test_a_proxy_resolves_the_names_itself(hub, adapter, inside, monkeypatch):
    monkeypatch.setenv("http_proxy", inside.url)
    monkeypatch.setenv("no_proxy", "")
    hub.fail("/blobs/", redirects("http://cdn.test/b"))
    with resolving(cdn_test="10.0.0.5") as names:
        assert read(adapter.at()) == BLOB.raw
    assert names.lookups == []


def test_the_credential_is_sent_to_no_other_host(hub, adapter, inside):
    """Neither the credential nor the token is sent to the storage service."""
    adapter.addresses["production.cloudflare.docker.com"] = inside.url
    hub.add_image(NAME, NGINX)
    for auth in (Basic(*CREDENTIAL), Bearer(tuple(CREDENTIAL))):
        hub.auth = auth
        hub.fail(
            lambda request: "/blobs/" in request.path and request.authorization,
            redirects("https://production.cloudflare.docker.com/b"),
        )
        assert read(adapter.at(credential=CREDENTIAL)) == BLOB.raw
    assert {request.authorization for request in inside.requests} == {""}
    assert {name.lower() for request in inside.requests for name in request.headers} <= {
        "host",
        "user-agent",
        "accept",
        "accept-encoding",
        "connection",
    }


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("64:ff9b::a9fe:a9fe", True),
        ("64:ff9b::808:808", False),
        ("2002:7f00:1::", True),
        ("2002:808:808::", False),
        ("::ffff:10.0.0.1", True),
        ("::ffff:8.8.8.8", False),
        ("224.0.0.1", True),
        ("ff02::1", True),
        ("255.255.255.255", True),
        ("fd00::1", True),
        ("fe80::1%eth0", True),
        ("192.0.2.1", True),
        ("fec0::1", True),
        ("64:ff9b:1::808:808", True),
        ("::127.0.0.1", True),
        ("::1", True),
        ("::", True),
        ("8.8.8.8", False),
        ("2606:4700::1111", False),
    ],
)
def test_private_addresses_are_seen_through(address, expected):
    assert is_private(address) is expected
