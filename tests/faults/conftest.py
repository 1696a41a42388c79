"""One embedded emulator for all tests of faults, emptied before each."""

import pytest

from ecr_emulator import EcrEmulator


@pytest.fixture(scope="session")
def shared_emulator():
    with EcrEmulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(shared_emulator):
    shared_emulator.reset()
    yield shared_emulator
    shared_emulator.clock.follow_machine()
