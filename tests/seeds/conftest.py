"""An emulator in this process, and a folder for seeds."""

import pytest

from ecr_emulator import EcrEmulator


@pytest.fixture
def emulator():
    with EcrEmulator(account="123456789012", region="eu-west-1") as emulator:
        yield emulator


@pytest.fixture
def seed(tmp_path):
    """Write a seed, and return its path."""

    def write(text, name="seed.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write
