"""An emulator, and a plain HTTP client of it."""

import pytest
from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings


@pytest.fixture
def emulator():
    with Emulator() as running:
        yield running


@pytest.fixture
def http(emulator):
    return Client(emulator.wsgi)


@pytest.fixture
def with_settings():
    """Return a function that opens an emulator with settings and returns an HTTP client of it."""
    opened = []

    def open_one(**settings):
        opened.append(Emulator(Settings(**settings)))
        return Client(opened[-1].wsgi)

    yield open_one
    for each in opened:
        each.close()
