"""An emulator, and the two planes through which each test runs."""

from __future__ import annotations

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.clock import FrozenClock
from tests.support.planes import ApiPlane, EmulatorClient, RegistryPlane


@pytest.fixture
def client():
    with Emulator(Settings(), FrozenClock()) as emulator:
        yield EmulatorClient(emulator)


@pytest.fixture(params=[ApiPlane, RegistryPlane])
def plane(request, client):
    """Return a plane. Each test runs once with each."""
    return request.param(client)


@pytest.fixture(params=[ApiPlane, RegistryPlane])
def other_plane(request, client):
    """Return a second plane, for tests that use two."""
    return request.param(client)
