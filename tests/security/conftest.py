"""An emulator that the tests of a module share, and a plain HTTP client of it."""

import pytest
from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings


@pytest.fixture(scope="module")
def _emulator_of_module():
    with Emulator() as running:
        yield running


@pytest.fixture
def emulator(_emulator_of_module):
    """Return an emulator without state."""
    yield _emulator_of_module
    _emulator_of_module.reset()


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
