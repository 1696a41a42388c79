"""An emulator whose upstreams are one scripted registry."""

import pytest

from ecr_emulator.testing.upstream.auth import Bearer
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.clock import HurriedClock
from tests.support.private_registry import PrivateRegistry
from tests.support.pull_through import CREDENTIAL, running_cache


@pytest.fixture
def upstream():
    with ScriptedUpstream() as registry:
        yield registry


@pytest.fixture
def private_upstream(upstream):
    upstream.auth = Bearer(CREDENTIAL)
    return upstream


@pytest.fixture
def clock_class():
    """Return the class of the clock of ``cache``. A test about seconds needs a frozen one: pulls take seconds, too."""
    return HurriedClock


@pytest.fixture
def cache(upstream, clock_class):
    with running_cache(upstream, clock=clock_class()) as cache:
        yield cache


@pytest.fixture
def strict_cache(upstream):
    with running_cache(upstream, strict=True) as cache:
        yield cache


@pytest.fixture
def down(cache):
    """The registry that pulls."""
    return PrivateRegistry(cache)


@pytest.fixture
def up(cache):
    """The registry that is pulled from: the same account in another Region."""
    return PrivateRegistry(cache, region="eu-central-1")
