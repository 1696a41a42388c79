"""``faults.at_upstream``: each way in which an upstream fails, at once or at a time, seen by a client of ECR."""

from datetime import timedelta

import pytest

from ecr_emulator.seeds.client import CallRefused
from ecr_emulator.seeds.pulls import DamagedImage

HOST = "quay.io"
IMAGE = "quay/team/app:v1"


@pytest.fixture
def quay(emulator):
    """Return a stand-in for Quay with an image, and a rule for it. Nobody waits for retries."""
    emulator.clock.freeze()
    quay = emulator.upstream(HOST)
    quay.push_image("team/app", "v1", size=50_000)
    emulator.client().create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl=HOST)
    yield quay
    emulator.close_upstreams()


def refusal(emulator):
    """Return the code with which a pull is refused."""
    with pytest.raises(CallRefused) as refused:
        emulator.pull(IMAGE)
    return refused.value.code


@pytest.mark.parametrize(
    ("inject", "code"),
    [
        (lambda faults: faults.refuse_connections(), "UNKNOWN"),
        (lambda faults: faults.stay_silent(), "UNKNOWN"),
        (lambda faults: faults.delay(seconds=3600), "UNKNOWN"),
        (lambda faults: faults.answer(401), "MANIFEST_UNKNOWN"),
        (lambda faults: faults.answer(403, "manifests"), "DENIED"),
        (lambda faults: faults.answer(404, "GET manifests"), "MANIFEST_UNKNOWN"),
        (lambda faults: faults.answer(429, retry_after=60), "TOOMANYREQUESTS"),
        (lambda faults: faults.answer(503, repository="team/*"), "UNKNOWN"),
        (lambda faults: faults.break_body("GET manifests", after_bytes=10), "UNKNOWN"),
        (lambda faults: faults.send_wrong_bytes("manifests"), "UNKNOWN"),
    ],
)
def test_a_client_hears_of_a_failing_upstream_until_its_fault_ends(emulator, quay, inject, code):
    with inject(quay.faults) as fault:
        assert refusal(emulator) == code
        assert fault.hits > 0
    emulator.clock.advance("1h")
    assert emulator.pull(IMAGE)


def test_a_slow_upstream_is_waited_for(emulator, quay):
    slow = quay.faults.delay(seconds=2, count=3)
    assert emulator.pull(IMAGE)
    assert slow.hits == 3


def test_a_token_that_expires_is_renewed(emulator, quay):
    assert emulator.pull(IMAGE)
    quay.push_image("team/app", "v2")
    tokens = quay.count("GET", "/v2/auth")
    expired = quay.faults.expire_token("manifests", count=1)
    assert emulator.pull("quay/team/app:v2")
    assert expired.hits == 1
    assert quay.count("GET", "/v2/auth") == tokens + 1


def test_an_outage_begins_and_ends_by_the_clock(emulator, quay):
    quay.push_image("team/app", "v2")
    outage = quay.faults.refuse_connections(starts_in="1h", lasts=timedelta(minutes=30))
    assert emulator.pull(IMAGE)
    emulator.clock.advance("1h")
    with pytest.raises(CallRefused):
        emulator.pull("quay/team/app:v2")
    during = outage.hits
    assert during > 0
    emulator.clock.advance("30m")
    assert emulator.pull("quay/team/app:v2")
    assert outage.hits == during


def test_requests_that_a_fault_answers_do_not_arrive_and_others_do(emulator, quay):
    fault = quay.faults.answer(500, "manifests", count=2)
    assert emulator.pull(IMAGE), "the emulator tries again"
    assert fault.hits == 2
    assert quay.count(None, "/manifests/v1") > 0


def test_storage_fails_apart_from_its_registry(emulator, quay):
    broken = emulator.faults.at_upstream(quay.kind.storage).break_body(after_bytes=10_000, count=1)
    assert emulator.pull(IMAGE)
    assert broken.hits == 1
    emulator.faults.clear()


@pytest.mark.parametrize("inject", ["send_wrong_bytes", "break_body"])
def test_blobs_are_spoilt_wherever_their_registry_redirects_to(emulator, quay, inject):
    fault = getattr(quay.faults, inject)("blobs")
    with pytest.raises((CallRefused, DamagedImage)):
        emulator.pull(IMAGE)
    assert fault.hits > 0


def test_a_blob_that_breaks_off_in_storage_is_asked_for_again(emulator, quay):
    fault = quay.faults.break_body("blobs", after_bytes=10, count=1)
    assert emulator.pull(IMAGE)
    assert fault.hits == 1
    assert quay.storage.count("GET", "") > 2


def test_faults_can_be_injected_again_after_a_reset(emulator, quay):
    faults = quay.faults
    faults.refuse_connections()
    emulator.reset()
    emulator.client().create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl=HOST)
    assert emulator.pull(IMAGE)
    emulator.reset()
    emulator.client().create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl=HOST)
    faults.refuse_connections()
    assert refusal(emulator) == "UNKNOWN"


def test_faults_end_with_the_upstream(emulator, quay):
    fault = quay.faults.refuse_connections()
    emulator.close_upstreams()
    with pytest.raises(LookupError, match="has ended"):
        assert fault.hits


def test_faults_of_upstreams_end_with_those_of_ecr(emulator):
    fault = emulator.faults.at_upstream("ghcr.io").refuse_connections()
    emulator.faults.clear()
    with pytest.raises(LookupError, match="has ended"):
        assert fault.hits


def test_wrong_arguments_are_refused_with_a_sentence(emulator):
    faults = emulator.faults.at_upstream(HOST)
    with pytest.raises(ValueError, match="status must be an HTTP status from 400 to 599, not 200"):
        faults.answer(200)
    with pytest.raises(ValueError, match=r"target is 'manifest'; did you mean manifests\?"):
        faults.answer(500, "manifest")
    with pytest.raises(ValueError, match="a fault status has no key 'times'"):
        faults.answer(500, times=2)


def test_a_misspelt_host_is_noticed(emulator):
    with pytest.warns(
        UserWarning, match=r"no rule can name registry-1\.dokcer\.io, .* Did you mean registry-1\.docker\.io"
    ):
        emulator.faults.at_upstream("registry-1.dokcer.io")
    with pytest.raises(ValueError, match=r"Did you mean registry-1\.docker\.io\? Upstreams are .*, quay\.io, "):
        emulator.upstream("registry-1.dokcer.io")


def test_faults_of_a_private_registry_of_this_emulator_are_refused(emulator):
    with pytest.raises(ValueError, match="is answered by this emulator without HTTP"):
        emulator.faults.at_upstream("000000000000.dkr.ecr.eu-west-1.amazonaws.com")
