"""A folder of blobs that two nodes share: what one uses, the other does not delete, and only one writes to a file."""

import os
from contextlib import closing
from io import FileIO

import pytest

from ecr_emulator.domain.names import digest_of
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.blobs import files
from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.storage.blobs.write_back import STEP

pytest.importorskip("psycopg")
from ecr_emulator.storage.postgres import shared_holds
from ecr_emulator.storage.postgres.shared_holds import SharedHolds
from ecr_emulator.storage.postgres.shared_turns import SharedTurns
from tests.support.postgres import end_session

pytestmark = pytest.mark.journey
UPLOAD = "3f0c1b1e-0000-4000-8000-000000000001"
ANOTHER = "3f0c1b1e-0000-4000-8000-000000000002"
DATA = b"some bytes"
DIGEST = digest_of(DATA)


@pytest.fixture
def nodes(open_locks, tmp_path):
    """The locks and the blobs of two nodes."""
    locks = [open_locks() for _ in range(2)]
    return [(each, FileBlobs(tmp_path, durable=True, holds=SharedHolds(each))) for each in locks]


@pytest.fixture
def here(nodes):
    return nodes[0][1]


@pytest.fixture
def there(nodes):
    return nodes[1][1]


def store_blob(blobs, data=DATA, name=UPLOAD):
    writer = blobs.begin(name)
    writer.write(data)
    assert writer.commit(digest_of(data))


def read(blobs, digest):
    with blobs.open(digest) as file:
        return file.read()


def test_a_blob_that_another_node_holds_is_not_deleted(here, there):
    store_blob(here)
    with here.hold(DIGEST):
        assert there.held([DIGEST, "another"]) == {DIGEST}
        assert there.delete([DIGEST]) == []
        assert here.size(DIGEST) == len(DATA)
    assert there.delete([DIGEST]) == [len(DATA)]
    assert here.size(DIGEST) is None


def test_blobs_are_deleted_in_any_number(here, there, monkeypatch):
    monkeypatch.setattr(shared_holds, "AT_ONCE", 2)
    digests = [digest_of(b"%d" % number) for number in range(5)]
    for number in range(5):
        store_blob(here, b"%d" % number)
    with here.hold(digests[1]), here.hold(digests[4]):
        assert there.delete(digests) == [1, 1, 1]
    assert set(here.digests()) == {digests[1], digests[4]}


def test_a_sweep_keeps_what_another_node_writes(here, there, tmp_path):
    with closing(here.begin(UPLOAD)):
        assert there.sweep(set()) == 0
        assert there.held([UPLOAD]) == {UPLOAD}
    assert there.sweep(set()) == 1
    assert os.listdir(tmp_path / "ingest") == []


def test_a_reset_leaves_the_files_to_the_sweep(here):
    store_blob(here)
    here.clear()
    assert here.size(DIGEST) == len(DATA)


def test_an_upload_goes_on_in_another_node(here, there):
    writer = here.begin(UPLOAD)
    writer.write(DATA)
    writer.close()
    assert there.has_written(UPLOAD, len(DATA))
    writer = there.resume(UPLOAD, len(DATA))
    writer.write(b" and more")
    assert writer.commit(digest_of(DATA + b" and more"))
    assert read(here, digest_of(DATA + b" and more")) == DATA + b" and more"


def test_bytes_that_another_node_has_replaced_are_read_again(here, there):
    with closing(here.begin(UPLOAD)) as writer:
        writer.write(DATA)
    with closing(there.resume(UPLOAD, 0)) as writer:
        writer.write(b"SOME BYTES")
    here.forget_written(UPLOAD)
    assert here.resume(UPLOAD, len(DATA)).commit(digest_of(b"SOME BYTES"))


def test_two_nodes_do_not_write_to_a_file_at_once(here, there):
    writer = here.begin(UPLOAD)
    writer.write(DATA)
    with pytest.raises(StorageFailure, match="another node has not finished its request on this upload"):
        there.resume(UPLOAD, 0)
    writer.close()
    with closing(there.resume(UPLOAD, len(DATA))) as writer:
        assert writer.size == len(DATA)
    assert there.held([UPLOAD]) == set()


def test_a_closed_file_is_free_although_its_bytes_are_still_being_written_back(here, there, monkeypatch):
    monkeypatch.setattr("ecr_emulator.storage.blobs.write_back._begin", lambda *_: None)  # keeps its descriptor
    with closing(here.begin(UPLOAD)) as writer:
        writer.write(bytes(STEP))
    there.resume(UPLOAD, STEP).abandon()


def test_a_file_that_becomes_a_blob_is_not_opened_as_an_upload(here, there, monkeypatch):
    writer = here.begin(UPLOAD)
    writer.write(DATA)
    monkeypatch.setattr(files, "FileIO", opener(then=lambda: writer.commit(DIGEST)))
    with pytest.raises(FileNotFoundError):
        there.resume(UPLOAD, 0)
    monkeypatch.undo()
    assert read(there, DIGEST) == DATA


def opener(then):
    def open_file(*arguments, **how):
        file = FileIO(*arguments, **how)
        then()
        return file

    return open_file


def test_a_held_blob_that_is_gone_is_not_recorded(nodes, here, there):
    (locks, _), _ = nodes
    store_blob(here)
    with here.hold(DIGEST):
        here.require_kept(DIGEST)
        end_session(locks)
        there.delete([DIGEST])
        with pytest.raises(StorageFailure, match=f"another node has deleted {DIGEST} meanwhile; send it again"):
            here.require_kept(DIGEST)


def test_a_lost_hold_is_taken_again(nodes, here, there):
    (locks, _), _ = nodes
    store_blob(here)
    with here.hold(DIGEST):
        end_session(locks)
        with here.hold(ANOTHER):
            assert there.delete([DIGEST]) == []
            here.require_kept(DIGEST)


def test_turns_are_taken_by_all_nodes(nodes):
    here, there = (SharedTurns(locks) for locks, _ in nodes)
    with here.take(UPLOAD, 0) as came, there.take(UPLOAD, 0.01) as other_came, there.take(ANOTHER, 0) as third_came:
        assert (came, other_came, third_came) == (True, False, True)
    with there.take(UPLOAD, 0) as came:
        assert came
