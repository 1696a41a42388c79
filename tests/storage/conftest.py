"""A store in SQLite and one in PostgreSQL, and places for blobs: folders and S3."""

from contextlib import ExitStack, closing

import pytest

from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.storage.postgres.session_locks import SessionLocks
from ecr_emulator.storage.postgres.store import PostgresStore
from ecr_emulator.storage.store import SqlStore
from tests.support.blob_places import Bucket, Folder
from tests.support.storage import a_repository


@pytest.fixture
def database(tmp_path):
    return tmp_path / "ecr.sqlite"


@pytest.fixture
def sqlite_store(database):
    with closing(SqlStore(database, durable=False)) as store:
        yield store


@pytest.fixture
def store(request):
    """A store in SQLite, or in PostgreSQL with ``--postgres``."""
    return request.getfixturevalue("postgres_store" if request.config.option.postgres else "sqlite_store")


@pytest.fixture
def postgres_store(databases):

    with closing(PostgresStore(databases(), durable=False)) as store:
        yield store


@pytest.fixture
def open_locks(databases):
    """A function that opens the locks of one more node. All nodes have one database, with a schema."""
    uri = databases()
    PostgresStore(uri, durable=False).close()
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(SessionLocks(uri)))


@pytest.fixture
def repository(store):
    with store.writing() as work:
        return work.repositories.add(a_repository())


@pytest.fixture(params=["durable", "quick", "s3"])
def place(tmp_path, request):
    """Each place for blobs."""
    if request.param != "s3":
        yield Folder(tmp_path, durable=request.param == "durable")
        return
    with closing(Bucket(request.getfixturevalue("s3_server"), tmp_path)) as bucket:
        yield bucket


@pytest.fixture(params=[True, False], ids=["durable", "quick"])
def blobs(tmp_path, request):
    return FileBlobs(tmp_path, durable=request.param)
