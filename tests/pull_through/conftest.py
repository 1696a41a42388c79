"""An emulator whose upstreams are one scripted registry."""

import pytest

from tests.support.private_registry import PrivateRegistry
from tests.support.pull_through import CREDENTIAL, running_cache
from tests.support.scripted_upstream import Bearer, ScriptedUpstream


@pytest.fixture
def upstream():
    with ScriptedUpstream() as registry:
        yield registry


@pytest.fixture
def private_upstream(upstream):
    upstream.auth = Bearer(CREDENTIAL)
    return upstream


@pytest.fixture
def cache(upstream, tmp_path):
    with running_cache(upstream, tmp_path / "state") as cache:
        yield cache


@pytest.fixture
def strict_cache(upstream, tmp_path):
    with running_cache(upstream, tmp_path / "state", strict=True) as cache:
        yield cache


@pytest.fixture
def down(cache):
    """The registry that pulls."""
    return PrivateRegistry(cache)


@pytest.fixture
def up(cache):
    """The registry that is pulled from: the same account in another Region."""
    return PrivateRegistry(cache, region="eu-central-1")
