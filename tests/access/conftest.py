"""An emulator that enforces IAM, its principals, and an upstream."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.iam_principals import ACCOUNT, IamAccount
from tests.support.scripted_upstream import ScriptedUpstream


@contextmanager
def enforcing(upstream_url="http://127.0.0.1:9", **more):
    settings = Settings(account=ACCOUNT, iam="enforce", upstream_map={"quay.io": upstream_url}, **more)
    with Emulator(settings) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def upstream():
    with ScriptedUpstream() as registry:
        yield registry


@pytest.fixture(scope="module")
def emulator(upstream):
    """One for all tests of a module: they keep apart by Region and by name."""
    with enforcing(upstream.url) as running:
        yield running


@pytest.fixture(scope="module")
def iam(emulator):
    return IamAccount(emulator)


@pytest.fixture(scope="module")
def root(iam):
    return iam.root()
