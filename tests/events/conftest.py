"""An emulator whose events are followed."""

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.admin_api import AdminClient
from tests.support.boto import client_of


@pytest.fixture
def emulator():
    with Emulator(Settings(threads=64)) as running:
        yield running


@pytest.fixture
def http(emulator):
    return AdminClient(emulator.wsgi)


@pytest.fixture
def ecr(emulator):
    ecr = client_of(emulator)
    ecr.create_repository(repositoryName="app")
    return ecr
