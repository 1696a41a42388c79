"""Blobs that a node is writing into a shared folder, as another node reads them."""

import os

import pytest

from ecr_emulator.storage.blobs.arriving import ArrivingFiles
from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.system import RandomIds
from ecr_emulator.testing.upstream.images import layer

BLOB = layer("arriving", 10_000)


@pytest.fixture
def blobs(tmp_path):
    return FileBlobs(tmp_path, durable=False)


@pytest.fixture
def arriving(tmp_path):
    return ArrivingFiles(tmp_path)


@pytest.fixture
def begin(blobs, arriving):
    """A function that begins to write the blob; it returns the writer and what announces it."""

    def begun():
        name = RandomIds().uuid()
        writer = blobs.begin(name)
        return writer, arriving.announced(BLOB.digest, name)

    return begun


def test_nothing_arrives_unless_it_is_announced(arriving):
    assert arriving.find(BLOB.digest) is None


def test_bytes_are_read_while_they_are_written(begin, arriving):
    writer, announced = begin()
    with announced:
        found = arriving.find(BLOB.digest)
        assert found.size == 0
        writer.write(BLOB.raw[:4_000])
        assert found.size == 4_000
        with found.reader() as first, found.reader() as second:
            assert first.read(3_000) == BLOB.raw[:3_000]
            second.seek(2_000)
            assert second.read() == BLOB.raw[2_000:4_000]
            assert first.read(9_000) == BLOB.raw[3_000:4_000]
        found.close()
        writer.abandon()


def test_bytes_that_are_the_blob_are_told_from_others(begin, arriving):
    writer, announced = begin()
    with announced:
        found = arriving.find(BLOB.digest)
        assert (found.is_over, found.is_stored) == (False, False)
        writer.write(BLOB.raw)
        assert writer.commit(BLOB.digest)
        assert (found.is_over, found.is_stored) == (True, True)
    assert arriving.find(BLOB.digest) is None
    found.close()


def test_bytes_of_a_failed_attempt_stay_readable(begin, arriving):
    writer, announced = begin()
    with announced:
        writer.write(b"wrong")
        found = arriving.find(BLOB.digest)
        writer.abandon()
        assert (found.is_over, found.is_stored) == (True, False)
    with found.reader() as file:
        assert file.read() == b"wrong"
    found.close()


def test_a_second_attempt_is_found_and_ends_the_first(begin, arriving):
    first, announced = begin()
    with announced:
        found = arriving.find(BLOB.digest)
        second, announced_again = begin()
        second.write(b"second")
        with announced_again:
            assert found.is_over
            later = arriving.find(BLOB.digest)
            assert (later.is_over, later.size) == (False, 6)
    for each in (found, later, first, second):
        getattr(each, "abandon", each.close)()


def test_the_end_of_an_earlier_attempt_leaves_the_announcement_of_the_next(begin, arriving):
    first, announced = begin()
    second, announced_again = begin()
    with announced:
        announced_again.__enter__()
    found = arriving.find(BLOB.digest)
    assert not found.is_over
    found.close()
    announced_again.__exit__(None, None, None)
    for writer in (first, second):
        writer.abandon()


def test_links_of_nodes_that_died_are_removed_at_the_next_start(begin, arriving, tmp_path):
    writer, announced = begin()
    announced.__enter__()
    writer.abandon()  # as the sweep of the unfinished blobs does
    assert len(os.listdir(tmp_path / "arriving")) == 1
    ArrivingFiles(tmp_path)
    assert os.listdir(tmp_path / "arriving") == []


def test_a_folder_that_takes_no_links_stops_no_download(begin, arriving, tmp_path):
    os.rmdir(tmp_path / "arriving")
    writer, announced = begin()
    with announced:
        assert arriving.find(BLOB.digest) is None
        writer.write(BLOB.raw)
        assert writer.commit(BLOB.digest)
