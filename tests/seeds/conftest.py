"""An emulator that the tests of a module share, and a folder for seeds."""

import pytest

from ecr_emulator import EcrEmulator


@pytest.fixture(scope="module")
def _emulator_of_module():
    with EcrEmulator(account="123456789012", region="eu-west-1") as running:
        yield running


@pytest.fixture
def emulator(_emulator_of_module):
    """Return an emulator without state, whose time is the machine's."""
    yield _emulator_of_module
    _emulator_of_module.clock.follow_machine()
    _emulator_of_module.reset()


@pytest.fixture
def seed(tmp_path):
    """Write a seed, and return its path."""

    def write(text, name="seed.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write
