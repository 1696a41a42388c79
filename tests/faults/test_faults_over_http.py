"""``/_ecr/faults``: faults of ECR for tests in any language."""

import pytest
from botocore.exceptions import ClientError

from ecr_emulator.emulator import Emulator
from tests.support.admin_api import AdminClient
from tests.support.boto import client_of

THROTTLED = {"fault": "throttling", "target": "DescribeRegistry", "count": 1}


@pytest.fixture(scope="module")
def shared_emulator():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(shared_emulator):
    shared_emulator.reset()
    return shared_emulator


@pytest.fixture
def http(emulator):
    return AdminClient(emulator.wsgi)


def test_a_fault_is_injected_counted_and_ended(emulator, http):
    ecr = client_of(emulator)
    added = http.post("/_ecr/faults", json=THROTTLED)
    assert (added.status_code, added.json) == (201, {"id": added.json["id"], **THROTTLED, "matched": 0, "hits": 0})
    with pytest.raises(ClientError, match="ThrottlingException"):
        ecr.describe_registry()
    assert ecr.describe_registry()
    assert http.get("/_ecr/faults").json == {"faults": [added.json | {"matched": 1, "hits": 1}]}
    other = http.post("/_ecr/faults", json={"fault": "latency", "seconds": 0.5, "target": "GET blobs"}).json
    assert http.delete(f"/_ecr/faults/{added.json['id']}").json == {"id": added.json["id"]}
    assert http.get("/_ecr/faults").json == {"faults": [other]}
    assert http.delete("/_ecr/faults").json == http.get("/_ecr/faults").json == {"faults": []}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "fault is None; it must be one of dropped_connection, latency, lost_answer, server_error, throttling"),
        ({"fault": "throtling"}, "fault is 'throtling'; did you mean throttling?"),
        ({"fault": "latency"}, "seconds must be a number above 0, at most 3600, not None"),
        (
            {"fault": "throttling", "seconds": 1},
            "a fault throttling has no key 'seconds'; it takes target, ",
        ),
        ({"fault": "throttling", "target": 5}, "target is 5; it must be one of *, BatchCheckLayerAvailability, "),
        (
            {"fault": "throttling", "times": 5},
            'The body has the unknown key "times"; this address accepts fault, target, count',
        ),
    ],
)
def test_a_wrong_fault_is_refused_with_a_sentence_and_not_injected(http, body, sentence):
    refused = http.post("/_ecr/faults", json=body)
    assert refused.status_code == 400
    assert sentence in refused.json["error"]
    assert http.get("/_ecr/faults").json == {"faults": []}


def test_an_unknown_fault_is_named_with_those_that_there_are(http):
    known = http.post("/_ecr/faults", json=THROTTLED).json["id"]
    refused = http.delete("/_ecr/faults/0")
    assert (refused.status_code, refused.json) == (404, {"error": f"There is no fault '0'; there are: {known}"})
