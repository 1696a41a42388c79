"""A store and a blob store on real files."""

import pytest

from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.storage.store import SqlStore
from tests.support.storage import a_repository


@pytest.fixture
def database(tmp_path):
    return tmp_path / "ecr.sqlite"


@pytest.fixture
def store(database):
    store = SqlStore(database, durable=False)
    yield store
    store.close()


@pytest.fixture
def repository(store):
    with store.writing() as work:
        return work.repositories.add(a_repository())


@pytest.fixture(params=[True, False], ids=["durable", "quick"])
def blobs(tmp_path, request):
    return FileBlobs(tmp_path, durable=request.param)
