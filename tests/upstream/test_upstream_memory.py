"""Memory for upstreams is bounded, for any number of redirect targets and repositories."""

import math

import pytest

from ecr_emulator.ports.upstream_failures import UpstreamUnavailable
from ecr_emulator.testing.upstream.faults import redirects
from ecr_emulator.testing.upstream.images import layer
from ecr_emulator.upstream import http
from ecr_emulator.upstream.authorizations import KEPT as HEADERS
from ecr_emulator.upstream.authorizations import AuthorizationKey, Authorizations, Grant
from ecr_emulator.upstream.circuit_breakers import FAILURES, CircuitBreakers
from ecr_emulator.upstream.circuit_breakers import KEPT as HOSTS
from tests.support.upstream_adapter import a_rule

NAME = "library/nginx"
BLOB = layer("blob")


def test_headers_that_never_expire_are_forgotten_when_there_are_many():
    authorizations = Authorizations(lambda: 0.0)
    scopes = [AuthorizationKey("basic.test", None, f"repository:app{number}:pull") for number in range(HEADERS + 1)]
    for scope in scopes:
        authorizations.obtain(scope, lambda: Grant("Basic abc", math.inf))
    assert authorizations.find(scopes[0]) is None
    assert {authorizations.find(scope) for scope in scopes[1:]} == {"Basic abc"}


def test_hosts_in_trouble_are_forgotten_when_there_are_many():
    breakers = CircuitBreakers(lambda: 0.0)
    for number in range(HOSTS + 1):
        for _ in range(FAILURES):
            breakers.gave_up(f"{number}.test", "it is down")
    breakers.check("0.test")
    for number in range(1, HOSTS + 1):
        with pytest.raises(UpstreamUnavailable):
            breakers.check(f"{number}.test")


@pytest.mark.parametrize(("hosts", "connections"), [(4, [1, 1, 1]), (2, [2, 2, 2])])
def test_connections_are_kept_to_a_few_hosts_only(hub, new_upstream, adapter, monkeypatch, hosts, connections):
    monkeypatch.setattr(http, "HOSTS", hosts)
    storage = [new_upstream() for _ in range(3)]
    hub.add_blobs(NAME, BLOB)
    for number, server in enumerate(storage):
        adapter.addresses[f"storage{number}.test"] = server.url
        server.add_file("/b", BLOB.raw)
    upstream = adapter.upstreams().at(a_rule())
    for _ in range(2):
        for number in range(3):
            hub.fail("/blobs/", redirects(f"https://storage{number}.test/b"))
            assert b"".join(upstream.blob(NAME, BLOB.digest, BLOB.size)) == BLOB.raw
    assert [server.connections for server in storage] == connections
