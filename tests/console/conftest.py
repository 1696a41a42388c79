"""An emulator, and a browser that shows its console."""

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
from tests.support.console import Browser


@pytest.fixture(scope="session")
def running():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(running):
    """Return an emulator whose state is empty and whose clock shows the machine's time."""
    running.clock.follow_machine()
    running.reset()
    return running


@pytest.fixture
def browser(emulator):
    return Browser(emulator)


@pytest.fixture
def ecr(emulator):
    return client_of(emulator, account="000000000000")


@pytest.fixture
def with_settings():
    """Return a function that opens an emulator with settings."""
    opened = []

    def open_one(**settings):
        opened.append(Emulator(Settings(**settings)))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()
