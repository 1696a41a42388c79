"""Programmable upstreams and faults of upstreams for an emulator that runs elsewhere on this machine."""

import pytest

from ecr_emulator import EcrEmulator
from ecr_emulator.seeds.client import CallRefused
from ecr_emulator.testing.running import RunningEcrEmulator

HOST = "quay.io"
IMAGE = "quay/team/app:v1"
OF_THE_OPERATOR = "http://127.0.0.1:5999"


@pytest.fixture(scope="module")
def shared():
    with EcrEmulator(upstream_map={HOST: OF_THE_OPERATOR}) as emulator:
        emulator.clock.freeze()
        yield emulator


@pytest.fixture
def running(shared):
    with RunningEcrEmulator(shared.endpoint_url) as emulator:
        yield emulator


def address(emulator, host):
    return emulator._emulator_client.get(f"/_ecr/upstreams/{host}/address")["url"]


def test_it_asks_an_upstream_of_the_test_and_afterwards_its_own_again(shared, running):
    quay = running.upstream(HOST)
    digest = quay.push_image("team/app", "v1", size=10_000)
    running.client().create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl=HOST)
    assert address(shared, HOST) == quay.registry.url
    assert running.pull(IMAGE).digest == digest
    assert quay.count("GET", "/manifests/v1") > 0
    running.close_upstreams()
    assert address(shared, HOST) == OF_THE_OPERATOR
    assert address(shared, quay.kind.storage) is None


def test_the_end_of_the_test_session_ends_upstreams_that_are_left(shared):
    with RunningEcrEmulator(shared.endpoint_url) as running:
        assert running.upstream(HOST)
    assert address(shared, HOST) == OF_THE_OPERATOR


def test_its_upstreams_fail_by_its_clock_and_only_faults_of_the_test_end_with_it(shared, running):
    quay = running.upstream(HOST)
    quay.push_image("team/app", "v1")
    running.client().create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl=HOST)
    of_others = shared.faults.at_upstream(HOST).delay("referrers", seconds=1)
    outage = quay.faults.answer(503, starts_in="1h", lasts="1h")
    running.clock.advance("1h")
    with pytest.raises(CallRefused):
        running.pull(IMAGE)
    assert outage.hits > 0
    running.close_upstreams()
    with pytest.raises(LookupError):
        assert outage.hits
    assert of_others.hits == 0
    shared.faults.clear()


def test_a_misspelt_host_is_noticed(running):
    with pytest.warns(UserWarning, match=r"Did you mean quay\.io"):
        running.faults.at_upstream("qauy.io")
    with pytest.raises(ValueError, match=r"no rule can name qauy\.io, .* Did you mean quay\.io\?"):
        running.upstream("qauy.io")


def test_an_emulator_that_cannot_reach_the_test_is_left_as_it_was(shared, running):
    with pytest.raises(ConnectionError, match=r"cannot reach the upstream .* another machine or in a container"):
        running._upstream_hosts.lead("ghcr.io", "http://127.0.0.1:9")
    assert address(shared, "ghcr.io") is None
