"""The upstream map: the addresses that hosts are mapped to."""

import pytest

from ecr_emulator.upstream.addresses import UpstreamMap


def test_hosts_that_are_not_mapped_are_reached_by_https():
    addresses = UpstreamMap()
    assert addresses.base_url("quay.io") == "https://quay.io"
    assert addresses.locate("https://quay.io/v2/?a=b") == "https://quay.io/v2/?a=b"
    assert not addresses.reaches("https://quay.io/v2/")


def test_a_mapped_host_is_replaced_wherever_it_is_named():
    addresses = UpstreamMap.parse(["registry-1.docker.io=http://127.0.0.1:5999", " quay.io = https://mirror:8443/ "])
    assert addresses.base_url("registry-1.docker.io") == "http://127.0.0.1:5999"
    assert addresses.locate("https://Registry-1.docker.io/v2/a?b=c") == "http://127.0.0.1:5999/v2/a?b=c"
    assert addresses.locate("https://quay.io/v2/auth") == "https://mirror:8443/v2/auth"
    assert addresses.locate("https://quay.io") == "https://mirror:8443"
    assert addresses.describe("https://quay.io/v2/") == "quay.io (https://mirror:8443)"
    assert addresses.describe("https://ghcr.io/v2/") == "ghcr.io"


def test_only_what_the_operator_named_is_reached_on_purpose():
    addresses = UpstreamMap.parse(["quay.io=http://127.0.0.1:5999"])
    assert addresses.reaches("https://quay.io/v2/")
    assert addresses.reaches("http://127.0.0.1:5999/anything")
    assert not addresses.reaches("http://127.0.0.1:6000/")
    assert not addresses.reaches("https://127.0.0.1:5999/")


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "registry-1.docker.io",
        "registry-1.docker.io=",
        "=http://127.0.0.1:5999",
        "quay.io=127.0.0.1:5999",
        "quay.io=ftp://127.0.0.1",
        "quay.io=http://",
        "quay.io=http://127.0.0.1:port",
        "quay.io=http://127.0.0.1:99999",
        "quay.io=http://127.0.0.1/path",
        "quay.io=http://127.0.0.1?query",
        "quay.io=http://user@127.0.0.1",
        "https://quay.io=http://127.0.0.1:5999",
        "quay.io=http://[::1",
    ],
)
def test_a_malformed_entry_is_named_with_the_right_form(entry):
    with pytest.raises(ValueError, match=r"upstream map entry '.*registry-1\.docker\.io=http://127\.0\.0\.1:5999"):
        UpstreamMap.parse([entry])


def test_one_host_has_one_address():
    with pytest.raises(ValueError, match=r"quay\.io is mapped twice"):
        UpstreamMap.parse(["quay.io=http://127.0.0.1:1", "Quay.io=http://127.0.0.1:2"])
