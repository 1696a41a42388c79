"""An emulator with advisories; its registry has enhanced scanning unless a file has its own ``ecr``."""

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.advisories import write
from tests.support.boto import client_of
from tests.support.clock import FrozenClock
from tests.support.enhanced_scans import ADVISORIES, APP, configure


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "osv", *ADVISORIES)


@pytest.fixture
def clock():
    return FrozenClock()


@pytest.fixture
def frequency():
    return "CONTINUOUS_SCAN"


@pytest.fixture
def delay():
    return 0.0


@pytest.fixture
def emulator(folder, clock, delay):
    with Emulator(Settings(vulnerabilities=folder, background_delay=delay), clock) as running:
        yield running


@pytest.fixture
def ecr(emulator, frequency):
    client = client_of(emulator)
    client.create_repository(repositoryName=APP)
    configure(client, frequency)
    return client
