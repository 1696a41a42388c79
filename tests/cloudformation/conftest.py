"""One emulator for the tests of a module; each test has a Region of its own, or an account."""

from __future__ import annotations

from itertools import count

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.stacks import Stacks

# The IAM of each account costs 50 milliseconds, so tests share an account as long as there are Regions.
REGIONS = (
    "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-central-1", "eu-north-1",
    "eu-west-3", "ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2",
)  # fmt: skip
_accounts = count(100000000000)
_places = ((str(number), region) for number in count(200000000000) for region in REGIONS)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with Emulator(Settings(data_dir=tmp_path_factory.mktemp("data"))) as running:
        yield running


@pytest.fixture
def aws(emulator):
    """Return clients of a Region that no other test uses."""
    return Stacks(emulator, *next(_places))


@pytest.fixture
def account(emulator):
    """Return clients of an account that no other test uses."""
    return Stacks(emulator, str(next(_accounts)))
