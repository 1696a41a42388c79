"""``PUT /_ecr/upstreams/<host>/faults``: a rehearsal in which the emulator finds an upstream failing."""

import json
import re
from io import BytesIO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from ecr_emulator.seeds.client import CallRefused

HOST = "quay.io"
IMAGE = "quay/team/app:v1"
ECR_HOST = "000000000000.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def quay(emulator):
    """Return a stand-in for Quay with an image, and a rule for it. Nobody waits for retries."""
    emulator.clock.freeze()
    quay = emulator.upstream(HOST)
    quay.push_image("team/app", "v1", size=50_000)
    emulator.client().create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl=HOST)
    yield quay
    emulator.close_upstreams()


@pytest.fixture
def faults(emulator):
    """Return a function that puts, gets or deletes the faults of a host."""

    def call(method, *faults, host=HOST):
        body = json.dumps({"faults": faults}).encode() if method == "PUT" else None
        headers = {"Content-Type": "application/json"} if body else {}
        request = Request(f"{emulator.endpoint_url}/_ecr/upstreams/{host}/faults", body, headers, method=method)
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)["faults"]

    return call


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"fault": "unreachable"}, "UNKNOWN"),
        ({"fault": "silence"}, "UNKNOWN"),
        ({"fault": "latency", "seconds": 60}, "UNKNOWN"),
        ({"fault": "status", "status": 429, "retry_after": 60}, "TOOMANYREQUESTS"),
        ({"fault": "status", "status": 503}, "UNKNOWN"),
        ({"fault": "status", "status": 404, "target": "manifests"}, "MANIFEST_UNKNOWN"),
        ({"fault": "wrong_bytes", "target": "GET manifests", "repository": "team/*"}, "UNKNOWN"),
    ],
)
def test_a_pull_fails_with_its_upstream_and_works_again_after_it(emulator, quay, faults, fault, code):
    faults("PUT", fault)
    with pytest.raises(CallRefused) as refused:
        emulator.pull(IMAGE)
    assert refused.value.code == code
    assert faults("GET")[0]["hits"] > 0
    assert faults("DELETE") == faults("GET") == []
    emulator.clock.advance("1h")
    assert emulator.pull(IMAGE)


def test_a_download_goes_on_where_the_storage_broke_it_off(emulator, quay, faults):
    storage = quay.kind.storage
    faults("PUT", {"fault": "broken_body", "after_bytes": 10_000, "count": 1, "skip": 1}, host=storage)
    assert emulator.pull(IMAGE)
    assert faults("GET", host=storage)[0]["hits"] == 1


def test_a_token_that_expired_is_renewed(emulator, quay, faults):
    faults("PUT", {"fault": "expired_token", "skip": 3, "count": 1})
    assert emulator.pull(IMAGE)
    assert faults("GET")[0]["hits"] == 1


def test_a_short_latency_is_waited_for(emulator, quay, faults):
    faults("PUT", {"fault": "latency", "seconds": 2})
    assert emulator.pull(IMAGE)
    assert faults("GET")[0]["hits"] > 0


def test_a_cached_image_outlives_an_outage_that_begins_later(emulator, quay, faults):
    pulled = emulator.pull(IMAGE)
    faults("PUT", {"fault": "unreachable", "starts_in": "24h", "lasts": "12h"})
    emulator.clock.advance("25h")
    assert emulator.pull(IMAGE).digest == pulled.digest
    assert faults("GET")[0]["hits"] > 0


def test_wrong_faults_are_refused_and_those_in_force_stay(emulator, faults):
    faults("PUT", {"fault": "unreachable"})
    client = emulator._emulator_client
    for body, sentence in [
        ([{"fault": "silence"}, {"fault": "status"}], "status must be an HTTP status from 400 to 599, not None"),
        ([{"fault": "down"}], "fault is 'down'; it must be one of broken_body, expired_token"),
        ("all", 'The body must be like {"faults": ['),
    ]:
        raw = json.dumps({"faults": body}).encode()
        with pytest.raises(CallRefused, match=re.escape(sentence)):
            client.upload(f"/_ecr/upstreams/{HOST}/faults", BytesIO(raw), len(raw), "application/json")
    assert [each["fault"] for each in faults("GET")] == ["unreachable"]


def test_faults_of_a_private_registry_are_refused_because_no_request_would_meet_them(emulator, faults):
    with pytest.raises(HTTPError) as refused:
        faults("PUT", {"fault": "unreachable"}, host=ECR_HOST)
    assert refused.value.code == 400
    assert "faults of ECR itself are at /_ecr/faults" in refused.value.read().decode()


def test_faults_hit_a_private_registry_that_is_elsewhere(emulator, faults):
    emulator.clock.freeze()
    emulator.upstream(ECR_HOST).push_image("team/app", "v1")
    emulator.client().create_pull_through_cache_rule(ecrRepositoryPrefix="ecr", upstreamRegistryUrl=ECR_HOST)
    faults("PUT", {"fault": "unreachable"}, host=ECR_HOST)
    with pytest.raises(CallRefused):
        emulator.pull("ecr/team/app:v1")
    assert faults("GET", host=ECR_HOST)[0]["hits"] > 0
    emulator.close_upstreams()


def test_the_faults_of_upstreams_end_with_a_reset_and_come_back_with_a_snapshot(emulator, faults):
    faults("PUT", {"fault": "unreachable"})
    snapshot = emulator.snapshot()
    emulator.reset()
    assert faults("GET") == []
    emulator.restore(snapshot)
    assert [each["fault"] for each in faults("GET")] == ["unreachable"]
