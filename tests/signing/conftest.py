"""An emulator that signs images."""

from __future__ import annotations

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.clock import FrozenClock
from tests.support.docker import ACCOUNT
from tests.support.signatures import Signatures


@pytest.fixture
def settings():
    """Return more settings of the emulator."""
    return {}


@pytest.fixture
def emulator(tmp_path, settings):
    with Emulator(Settings(data_dir=tmp_path, account=ACCOUNT, **settings), FrozenClock()) as running:
        yield running


@pytest.fixture
def signatures(emulator):
    """Return the signing of a registry with the repository ``team/app``."""
    signatures = Signatures(emulator)
    signatures.ecr.create_repository(repositoryName="team/app")
    return signatures
