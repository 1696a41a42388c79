import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.docker import Docker


@pytest.fixture(scope="module")
def _emulator_of_module():
    with Emulator(Settings()) as running:
        yield running


@pytest.fixture
def emulator(_emulator_of_module):
    """Return an emulator without state, which the tests of a module share."""
    yield _emulator_of_module
    _emulator_of_module.reset()


@pytest.fixture
def docker(emulator):
    client = Docker(emulator)
    client.ecr.create_repository(repositoryName="team/app")
    return client
