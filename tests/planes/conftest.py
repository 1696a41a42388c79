"""An emulator, and the planes through which a story is told."""

from __future__ import annotations

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.clock import FrozenClock
from tests.support.planes import Api, Here, Registry


@pytest.fixture
def here():
    with Emulator(Settings(), FrozenClock()) as emulator:
        yield Here(emulator)


@pytest.fixture(params=[Api, Registry])
def plane(request, here):
    """Every story is told once through each plane."""
    return request.param(here)


@pytest.fixture(params=[Api, Registry])
def other_plane(request, here):
    """A second plane, for stories of two."""
    return request.param(here)
