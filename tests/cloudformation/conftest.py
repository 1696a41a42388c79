"""One emulator for the tests of a module; each test has an account of its own."""

from __future__ import annotations

from itertools import count

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.stacks import Stacks

_accounts = count(100000000000)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with Emulator(Settings(data_dir=tmp_path_factory.mktemp("data"))) as running:
        yield running


@pytest.fixture
def account():
    return str(next(_accounts))


@pytest.fixture
def aws(emulator, account):
    return Stacks(emulator, account)
