"""Pulls while the blobs are out of reach: each is answered with the reason, also one that was answered before."""

from datetime import timedelta

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.remembered_answers import LOOK_AGAIN_AFTER
from ecr_emulator.settings import Settings
from ecr_emulator.storage.blobs.s3_place import read_place
from tests.support.docker import Docker
from tests.support.images import an_image
from tests.support.s3 import refuses

NAME = "team/app"
APP = an_image(7)
PATH = f"/v2/{NAME}/blobs/{APP.layers[0].digest}"


@pytest.fixture
def docker(tmp_path, moto_s3):
    with Emulator(Settings(data_dir=tmp_path, blobs=read_place(moto_s3.new_url()))) as emulator:
        docker = Docker(emulator)
        docker.ecr.create_repository(repositoryName=NAME)
        docker.push(APP, "v1")
        yield docker
        moto_s3.faults.clear()


@pytest.mark.parametrize("pulls_before", [0, 1, 3])
def test_a_pull_without_s3_is_told_the_reason(docker, moto_s3, pulls_before):
    for _ in range(pulls_before):
        assert docker.get(PATH).data == APP.layers[0].raw
    moto_s3.faults.fail("HEAD ", refuses("403 Forbidden", "AccessDenied"))
    docker.emulator.clock.advance(timedelta(seconds=LOOK_AGAIN_AFTER))
    answer = docker.get(PATH)
    assert answer.status_code == 503
    assert "S3 refuses HeadObject for s3://" in answer.text
    moto_s3.faults.clear()
    assert docker.get(PATH).data == APP.layers[0].raw
