"""An emulator that enforces IAM, its principals, and an upstream."""

from __future__ import annotations

import pytest

from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.iam_principals import IamAccount, enforcing


@pytest.fixture(scope="module")
def upstream():
    with ScriptedUpstream() as registry:
        yield registry


@pytest.fixture(scope="module")
def emulator(upstream):
    """Yield one emulator for all tests of a module; each test uses its own Region or names."""
    with enforcing(upstream.url) as running:
        yield running


@pytest.fixture(scope="module")
def iam(emulator):
    return IamAccount(emulator)


@pytest.fixture(scope="module")
def root(iam):
    return iam.root()
