"""A control plane and boto3 clients for it."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

import pytest

from tests.support.boto import client_of
from tests.support.control_plane import ControlPlane
from tests.support.populated_registry import populate


@pytest.fixture
def background_delay():
    """The simulated duration of background work. A module may override it."""
    return timedelta()


@pytest.fixture
def plane(tmp_path, caplog, background_delay):
    with ExitStack() as cleanup:
        yield ControlPlane(tmp_path, cleanup, background_delay)
    failures = [record for record in caplog.get_records("call") if record.name == "ecr_emulator.services.background"]
    assert not failures, "background work failed"


@pytest.fixture
def clock(plane):
    return plane.clock


@pytest.fixture
def services(plane):
    return plane.services


@pytest.fixture
def ecr_of(plane):
    """Return a function that makes a client for another account or another Region."""
    return lambda account="test", region="us-east-1": client_of(plane, account=account, region=region)


@pytest.fixture
def ecr(plane):
    """Return a client that does not validate its requests, so that the server must."""
    return client_of(plane, parameter_validation=False)


@pytest.fixture(scope="session")
def populated_folder(tmp_path_factory):
    """Return a folder with a populated registry, and the requests that find something in it."""
    folder = tmp_path_factory.mktemp("populated")
    return folder, populate(folder)


@pytest.fixture(scope="session")
def requests(populated_folder):
    """Return the requests that find something in the populated registry."""
    return populated_folder[1]
