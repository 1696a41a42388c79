"""An emulator with state of its own, and one that the tests of a module share."""

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings


@pytest.fixture
def emulator(tmp_path):
    with Emulator(Settings(data_dir=tmp_path)) as running:
        yield running


@pytest.fixture(scope="module")
def _emulator_of_module():
    with Emulator(Settings()) as running:
        yield running


@pytest.fixture
def shared_emulator(_emulator_of_module):
    """Return an emulator without state, in which moto is loaded already."""
    yield _emulator_of_module
    _emulator_of_module.reset()
