"""Saved states of an emulator whose layers are in S3, while S3 fails."""

import gc

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.storage.blobs.s3_place import read_place
from tests.support.damage import damage_blob, removed
from tests.support.docker import Docker
from tests.support.images import an_image
from tests.support.s3 import hangs_up


@pytest.fixture
def emulator(tmp_path, moto_s3):
    settings = Settings(data_dir=tmp_path / "state", blobs=read_place(moto_s3.new_url()))
    with Emulator(settings) as emulator:
        yield emulator


@pytest.fixture
def _no_collection_of_cycles():
    """An exception of a client of S3 refers to itself, so that what it refers to stays until Python collects it."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collection_of_cycles")
def test_a_load_and_a_save_that_fail_leave_nothing(emulator, moto_s3):
    app = an_image(3)
    docker = Docker(emulator)
    docker.ecr.create_repository(repositoryName="team/app")
    docker.push(app, "v1")
    with docker.http.get("/_ecr/state") as answer:
        saved = answer.data
    for blob in app.blobs:
        damage_blob(emulator, blob.digest, removed)
    snapshots = emulator.data_dir / "snapshots"
    try:
        moto_s3.faults.fail("PUT", hangs_up)
        assert docker.http.put("/_ecr/state", data=saved).status_code == 503
        assert list(snapshots.iterdir()) == []
    finally:
        moto_s3.faults.clear()
    assert docker.http.put("/_ecr/state", data=saved).status_code == 200
    try:
        moto_s3.faults.fail("GET", hangs_up)
        assert docker.http.get("/_ecr/state").status_code == 503
        assert list(snapshots.iterdir()) == []
    finally:
        moto_s3.faults.clear()
    assert docker.http.get("/_ecr/state").status_code == 200
