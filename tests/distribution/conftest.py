import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.docker import Docker


@pytest.fixture
def emulator():
    with Emulator(Settings()) as running:
        yield running


@pytest.fixture
def docker(emulator):
    client = Docker(emulator)
    client.ecr.create_repository(repositoryName="team/app")
    return client
