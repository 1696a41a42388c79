"""A control plane and boto3 clients for it."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.support.boto import client_of
from tests.support.control_plane import ControlPlane


@pytest.fixture
def plane(tmp_path):
    with ExitStack() as cleanup:
        yield ControlPlane(tmp_path, cleanup)


@pytest.fixture
def clock(plane):
    return plane.clock


@pytest.fixture
def services(plane):
    return plane.services


@pytest.fixture
def ecr_of(plane):
    """Makes a client for another account, or for another Region."""
    return lambda account="test", region="us-east-1": client_of(plane, account=account, region=region)


@pytest.fixture
def ecr(plane):
    """A client that sends whatever it is given: the checks are the server's."""
    return client_of(plane, parameter_validation=False)
