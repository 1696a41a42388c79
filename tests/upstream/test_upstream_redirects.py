"""Redirects: the targets that the adapter follows, and the headers that it sends there."""

import pytest

from ecr_emulator.ports.secrets import Credential
from ecr_emulator.ports.upstream_failures import UpstreamFailure, UpstreamUnavailable
from ecr_emulator.testing.upstream.auth import Basic
from ecr_emulator.testing.upstream.faults import redirects
from ecr_emulator.testing.upstream.images import image, layer
from ecr_emulator.upstream.addresses import UpstreamMap
from ecr_emulator.upstream.redirects import is_private, redirect_target

NAME = "library/nginx"
CREDENTIAL = Credential("somebody", "dckr_pat_1")
BLOB = layer("blob", 5_000)


@pytest.fixture
def cdn(adapter, new_upstream):
    """A storage service that the operator mapped."""
    server = new_upstream()
    server.add_file("/b", BLOB.raw)
    adapter.addresses["production.cloudflare.docker.com"] = server.url
    return server


def read(upstream):
    return b"".join(upstream.blob(NAME, BLOB.digest, BLOB.size))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_blob_is_fetched_where_the_registry_keeps_it_without_the_credential(hub, adapter, cdn, status):
    hub.auth = Basic(*CREDENTIAL)
    hub.fail("/blobs/", redirects("https://production.cloudflare.docker.com/b?sig=1", status), skip=1)

    assert read(adapter.at(credential=CREDENTIAL)) == BLOB.raw
    (request,) = cdn.requests
    assert (request.method, request.query, request.authorization) == ("GET", "sig=1", "")


def test_the_credential_is_kept_on_the_same_host(hub, adapter):
    hub.add_image(NAME, image(), "latest")
    hub.auth = Basic(*CREDENTIAL)
    hub.fail("/manifests/latest", redirects(f"/v2/{NAME}/manifests/{image().digest}"), skip=1)

    assert adapter.at(credential=CREDENTIAL).manifest(NAME, "latest").digest == image().digest
    assert hub.requests[-1].authorization.startswith("Basic ")


def test_the_public_name_of_the_same_host_keeps_the_credential_too(hub, adapter):
    hub.add_image(NAME, image(), "latest")
    hub.auth = Basic(*CREDENTIAL)
    location = f"https://registry-1.docker.io/v2/{NAME}/manifests/{image().digest}"
    hub.fail("/manifests/latest", redirects(location), skip=1)

    assert adapter.at(credential=CREDENTIAL).manifest(NAME, "latest").digest == image().digest


def test_a_mapped_address_may_also_be_named_itself(hub, adapter, cdn):
    hub.fail("/blobs/", redirects(f"{cdn.url}/b"))
    assert read(adapter.at()) == BLOB.raw


def test_five_redirects_are_followed_and_no_more(hub, adapter, cdn):
    cdn.fail(lambda request: request.path == "/loop", redirects("/loop"), count=4)
    cdn.fail(lambda request: request.path == "/loop", redirects("/b"))
    hub.fail("/blobs/", redirects(f"{cdn.url}/loop"))
    with pytest.raises(UpstreamUnavailable, match=r"registry-1\.docker\.io .* redirects more than 5 times"):
        read(adapter.at())
    assert len(cdn.requests) == 5

    hub.fail("/blobs/", redirects(f"{cdn.url}/loop"))
    cdn.heal()
    cdn.fail(lambda request: request.path == "/loop", redirects("/b"))
    assert read(adapter.at()) == BLOB.raw


def test_an_address_on_loopback_that_nobody_mapped_is_not_asked(hub, adapter, new_upstream):
    inside = new_upstream()
    hub.fail("/blobs/", redirects(f"{inside.url}/b?sig=secret"))
    with pytest.raises(UpstreamUnavailable, match="upstream map") as refused:
        read(adapter.at())
    assert inside.requests == []
    assert "secret" not in refused.value.reason


@pytest.mark.parametrize(
    "location",
    [
        "http://production.cloudflare.docker.com/b",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/b",
        "https://localhost/b",
        "https://LOCALHOST./b",
        "https://a.localhost/b",
        "https://127.1/b",
        "https://0x7f000001/b",
        "https://2130706433/b",
        "https://[::1]/b",
        "https://[fe80::1]/b",
        "https://[::ffff:127.0.0.1]/b",
        "https://[broken/b",
        "https://example.com:port/b",
        "file:///etc/passwd",
    ],
)
def test_dangerous_redirects_are_refused(location):
    with pytest.raises(UpstreamUnavailable, match=r"registry-1\.docker\.io redirects to"):
        redirect_target("https://registry-1.docker.io/v2/a/blobs/b", location, UpstreamMap())


@pytest.mark.parametrize(
    "location", ["https://8.8.8.8/b", "//example.com/b", "/b", "b?c=d", "https://[2606:4700::1]/b"]
)
def test_harmless_redirects_are_followed(location):
    target = redirect_target("https://registry-1.docker.io/v2/a/blobs/b", location, UpstreamMap())
    assert target.startswith("https://")


@pytest.mark.parametrize("location", ["\xe9", f"https://{'a' * 70}.test/b", "https://\xe9\xff/b"])
def test_a_redirect_to_an_invalid_address_is_a_failure_like_any_other(hub, adapter, location):
    hub.fail("/blobs/", redirects(location), count=9)
    with pytest.raises(UpstreamFailure):
        read(adapter.at())


def test_a_registry_in_a_private_network_may_redirect_to_itself():
    url = "https://10.0.0.5:5000/v2/a/blobs/b"
    assert redirect_target(url, "/files/b", UpstreamMap()) == "https://10.0.0.5:5000/files/b"
    for elsewhere in ("https://10.0.0.6:5000/files/b", "https://10.0.0.5/files/b", "http://10.0.0.5:5000/files/b"):
        with pytest.raises(UpstreamUnavailable):
            redirect_target(url, elsewhere, UpstreamMap())


@pytest.mark.parametrize(("host", "expected"), [("100.64.0.1", True), ("192.168.1.1", True), ("docker.io", False)])
def test_private_hosts_are_those_that_only_we_can_reach(host, expected):
    assert is_private(host) is expected
