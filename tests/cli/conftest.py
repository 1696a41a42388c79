"""An image in a data directory, and places for layers."""

from __future__ import annotations

from contextlib import closing

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.blob_places import Bucket, Folder
from tests.support.docker import Docker
from tests.support.images import an_image


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path):
    """Each place for layers outside of the data directory."""
    if request.param == "folder":
        yield Folder(tmp_path / "layers", durable=True)
        return
    with closing(Bucket(request.getfixturevalue("s3_server"), tmp_path / "scratch")) as bucket:
        yield bucket


@pytest.fixture
def state(tmp_path):
    """Return the path of the data directory."""
    return tmp_path / "state"


@pytest.fixture
def app(state):
    """Return an image that is in the data directory, with its metadata in SQLite."""
    app = an_image(7)
    with Emulator(Settings(data_dir=state)) as emulator:
        docker = Docker(emulator)
        docker.ecr.create_repository(repositoryName="team/app")
        docker.push(app, "v1")
    return app
