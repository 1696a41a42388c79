"""Pulls from the public upstreams, with all their hosts, through one emulator."""

from contextlib import ExitStack

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import multi_arch
from ecr_emulator.testing.upstream.kinds import UPSTREAMS
from ecr_emulator.testing.upstream.servers import UpstreamServers
from tests.support.clock import HurriedClock
from tests.support.pull_through import ACCOUNT, Cache

APP = multi_arch()


@pytest.fixture(scope="module")
def upstreams():
    with ExitStack() as stack:
        upstreams = {prefix: UpstreamServers(kind, stack) for prefix, kind in UPSTREAMS.items()}
        for servers in upstreams.values():
            servers.add("team/app", APP, "v1")
        yield upstreams


@pytest.fixture(scope="module")
def everywhere(upstreams):
    """An emulator with a rule for each of them."""
    upstream_map = {host: url for servers in upstreams.values() for host, url in servers.addresses.items()}
    with Emulator(Settings(account=ACCOUNT, upstream_map=upstream_map), HurriedClock()) as emulator:
        cache = Cache(emulator)
        for prefix, kind in UPSTREAMS.items():
            cache.rule(prefix, kind.host, **_signing_in(cache, prefix, kind.credential))
        yield cache
        emulator.reset()


def _signing_in(cache, prefix, credential):
    if credential is None:
        return {}
    return {"credentialArn": cache.secret(*credential, name=f"ecr-pullthroughcache/{prefix}")}


@pytest.mark.parametrize("prefix", UPSTREAMS)
def test_every_upstream_is_pulled_through_in_full(everywhere, upstreams, prefix):
    assert everywhere.ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix=prefix)["isValid"]
    assert everywhere.pull(f"{prefix}/team/app", "v1") == APP.raw
    everywhere.settle()
    assert set(everywhere.images(f"{prefix}/team/app")) == {APP.digest, *(child.digest for child in APP.images)}
    asked = len(upstreams[prefix].registry.requests)
    assert everywhere.pull(f"{prefix}/team/app", "v1") == APP.raw
    assert len(upstreams[prefix].registry.requests) == asked


@pytest.mark.parametrize("prefix", UPSTREAMS)
def test_a_missing_image_is_not_found_and_docker_hub_denies_it(everywhere, prefix):
    answer = everywhere.manifest(f"{prefix}/no/such", "v1")
    (error,) = answer.json["errors"]
    expected = (403, "DENIED") if prefix == "docker-hub" else (404, "MANIFEST_UNKNOWN")
    assert (answer.status_code, error["code"]) == expected
    assert f"{prefix}/no/such" not in everywhere.repositories()


def test_a_missing_library_prefix_is_mentioned_in_the_reason(everywhere):
    answer = everywhere.manifest("docker-hub/nginx", "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (403, "DENIED")
    (reason,) = (
        event["failure-reason"] for event in everywhere.events() if event["repository-name"] == "docker-hub/nginx"
    )
    assert "library/nginx" in reason
