"""``/_ecr/upstreams/<host>/…``: one fault at a time, the address of an upstream, and warnings about unknown hosts."""

import socket

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.admin_api import AdminClient
from tests.support.boto import client_of

FAULTS = "/_ecr/upstreams/quay.io/faults"
ADDRESS = "/_ecr/upstreams/quay.io/address"


@pytest.fixture(scope="module")
def shared_emulator():
    with Emulator(
        Settings(upstream_map={"ghcr.io": "http://127.0.0.1:5999"}, allow_upstream=("nexus:5000",))
    ) as emulator:
        yield emulator


@pytest.fixture
def emulator(shared_emulator):
    shared_emulator.reset()
    return shared_emulator


@pytest.fixture
def http(emulator):
    return AdminClient(emulator.wsgi)


@pytest.fixture
def listening():
    """Return the URL of a port that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_faults_are_added_and_ended_one_by_one(http):
    first = http.post(FAULTS, json={"fault": "unreachable", "count": 2})
    assert (first.status_code, first.json["hits"]) == (201, 0)
    second = http.post(FAULTS, json={"fault": "status", "status": 503}).json
    assert http.get(FAULTS).json["faults"] == [first.json, second]
    assert http.delete(f"{FAULTS}/{first.json['id']}").json == {"id": first.json["id"]}
    assert http.get(FAULTS).json == {"host": "quay.io", "faults": [second]}
    missing = http.delete(f"{FAULTS}/{first.json['id']}")
    sentence = f"There is no fault '{first.json['id']}'; there are: {second['id']}"
    assert (missing.status_code, missing.json) == (404, {"error": sentence})


def test_a_wrong_fault_is_refused_with_a_sentence(http):
    refused = http.post(FAULTS, json={"fault": "status"})
    assert (refused.status_code, refused.json["error"]) == (
        400,
        "status must be an HTTP status from 400 to 599, not None",
    )


@pytest.mark.parametrize("host", ["quay.io", "contoso.azurecr.io", "nexus:5000", "auth.docker.io", "cdn01.quay.io"])
def test_a_host_that_upstreams_have_causes_no_warning(http, host):
    assert "warning" not in http.get(f"/_ecr/upstreams/{host}/faults").json


def test_a_misspelt_host_is_told_with_the_hosts_that_rules_name(emulator, http):
    client_of(emulator).create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    host = "registry-1.dokcer.io"
    sentence = (
        f"no rule can name {host}, which is neither an upstream of ECR nor allowed. "
        "Did you mean registry-1.docker.io? "
        "Upstreams could only send requests for tokens or layers there. Rules name: quay.io."
    )
    path, fault = f"/_ecr/upstreams/{host}/faults", {"fault": "unreachable"}
    assert http.put(path, json={"faults": [fault]}).json["warning"] == sentence
    assert http.post(path, json=fault).json["warning"] == sentence
    assert http.get(path).json["warning"] == sentence


def test_an_upstream_is_asked_elsewhere_until_its_address_is_deleted(http, listening):
    assert http.get(ADDRESS).json == {"host": "quay.io", "url": None}
    moved = http.put(ADDRESS, json={"url": listening})
    assert moved.json == {"host": "quay.io", "url": listening, "reachable": True}
    assert http.get(ADDRESS).json["url"] == listening
    assert http.delete(ADDRESS).json == {"host": "quay.io", "url": None}


def test_the_address_of_the_upstream_map_comes_back(http, listening):
    path = "/_ecr/upstreams/ghcr.io/address"
    http.put(path, json={"url": listening})
    assert http.delete(path).json["url"] == "http://127.0.0.1:5999"


def test_an_address_at_which_nothing_listens_is_told(http):
    assert http.put(ADDRESS, json={"url": "http://127.0.0.1:9"}).json["reachable"] is False
    http.delete(ADDRESS)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "The body must be like {"),
        ({"url": 5}, "The body must be like {"),
        ({"url": "127.0.0.1:5000"}, "expected host=http://address:port"),
        ({"url": "http://127.0.0.1:5000/v2"}, "expected host=http://address:port"),
    ],
)
def test_a_wrong_address_is_refused_and_nothing_changes(http, body, sentence):
    refused = http.put(ADDRESS, json=body)
    assert (refused.status_code, sentence in refused.json["error"]) == (400, True)
    assert http.get(ADDRESS).json["url"] is None
