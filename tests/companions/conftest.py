"""An emulator with state of its own."""

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings


@pytest.fixture
def emulator(tmp_path):
    with Emulator(Settings(data_dir=tmp_path)) as running:
        yield running
