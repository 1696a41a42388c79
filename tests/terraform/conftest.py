"""An emulator, and clients that send requests as the SDK of Go does: without checking them first."""

from __future__ import annotations

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of

ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def running():
    with Emulator(Settings(account=ACCOUNT)) as emulator:
        yield emulator


@pytest.fixture
def emulator(running):
    """Reset the state after each test, but keep moto."""
    yield running
    running.reset()


@pytest.fixture
def account():
    return ACCOUNT


@pytest.fixture
def ecr(emulator):
    return client_of(emulator, account=ACCOUNT, parameter_validation=False)


@pytest.fixture
def service(emulator):
    """Return a function that makes a client of another service."""
    return lambda name: client_of(emulator, name, account=ACCOUNT)
