"""Imports while the storage is out of reach: they are no faults of the emulator, and the next pull continues them."""

import logging
from contextlib import closing

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.storage.blobs.s3_place import read_place
from ecr_emulator.testing.upstream.images import image
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.pull_through import Cache
from tests.support.s3 import refuses

NAME = "quay/team/app"
APP = image("app")


@pytest.fixture
def upstream():
    with ScriptedUpstream() as registry:
        registry.add_image("team/app", APP, "v1")
        yield registry


@pytest.fixture
def cache(tmp_path, moto_s3, upstream):
    settings = Settings(data_dir=tmp_path, blobs=read_place(moto_s3.new_url()), upstream_map={"quay.io": upstream.url})
    with closing(Emulator(settings)) as emulator:
        cache = Cache(emulator)
        cache.rule()
        yield cache
        moto_s3.faults.clear()


def test_the_next_pull_continues_an_import_that_could_not_store(cache, moto_s3, upstream, caplog):
    moto_s3.faults.fail("HEAD ", refuses("403 Forbidden", "AccessDenied"))
    assert cache.manifest(NAME, "v1").data == APP.raw
    cache.settle()
    assert [each.message for each in caplog.records if each.levelno >= logging.ERROR] == []
    assert f"the import of {NAME}@{APP.digest} waits for the next pull: S3 " in caplog.text
    moto_s3.faults.clear()
    assert cache.manifest(NAME, "v1").data == APP.raw
    cache.settle()
    upstream.stop()
    assert [cache.blob(NAME, blob.digest).data for blob in APP.blobs] == [blob.raw for blob in APP.blobs]
