"""An emulator with an image in it, before the snapshots of these stories are taken."""

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.clock import FrozenClock
from tests.support.planes import EmulatorClient


@pytest.fixture
def client():
    with Emulator(Settings(), FrozenClock()) as emulator:
        client = EmulatorClient(emulator)
        client.ecr.create_repository(repositoryName="team/app")
        yield client


@pytest.fixture
def upstream():
    with ScriptedUpstream() as registry:
        yield registry
