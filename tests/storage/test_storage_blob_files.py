"""Blobs as files: what the other places for blobs do not have."""

import errno
import os

import pytest

from ecr_emulator.domain.names import digest_of
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.blobs import closed_writers, files
from ecr_emulator.storage.blobs.files import FileBlobs
from tests.support.blob_places import DATA, NAME, OTHER_NAME, Folder, store_blob
from tests.support.damage import flipped


def path_of(folder, digest):
    algorithm, encoded = digest.split(":")
    return folder / "blobs" / algorithm / encoded[:2] / encoded


def test_a_blob_that_cannot_be_read_from_disk_is_dropped(blobs, tmp_path):
    digest = store_blob(blobs, DATA)
    path = path_of(tmp_path, digest)
    path.unlink()
    path.symlink_to("/proc/self/mem")  # can be opened, and cannot be read
    assert blobs.intact_size(digest, len(DATA)) is None
    assert not path.is_symlink()


def test_a_folder_in_the_place_of_a_blob_is_not_a_blob(blobs, tmp_path):
    digest = store_blob(blobs, DATA)
    path = path_of(tmp_path, digest)
    path.unlink()
    path.mkdir()
    assert blobs.size(digest) is None
    assert blobs.intact_size(digest, path.stat().st_size) is None


def test_damage_that_keeps_the_file_dates_is_found_by_reading_anew(blobs, tmp_path):
    digest = store_blob(blobs, DATA)
    path = path_of(tmp_path, digest)
    before = path.stat()
    flipped(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not blobs.drop_if_damaged(digest)
    assert blobs.drop_if_damaged(digest, anew=True)


def test_a_name_is_used_by_one_writer(blobs):
    blobs.begin(NAME).close()
    with pytest.raises(FileExistsError):
        blobs.begin(NAME)


def test_a_hash_that_is_no_longer_remembered_is_computed_again(blobs, monkeypatch):
    monkeypatch.setattr(closed_writers, "REMEMBERED", 1)
    for name in (NAME, OTHER_NAME):
        writer = blobs.begin(name)
        writer.write(DATA)
        writer.close()
    for name in (NAME, OTHER_NAME):
        writer = blobs.resume(name, len(DATA))
        assert writer.digest() == digest_of(DATA)
        writer.close()


def test_bytes_that_another_writer_appended_are_hashed_too(blobs, tmp_path):
    blobs.begin(NAME).close()
    (tmp_path / "ingest" / NAME).write_bytes(DATA)
    writer = blobs.resume(NAME, len(DATA))
    assert writer.size == len(DATA)
    assert writer.commit(digest_of(DATA))


def test_a_sweep_deletes_unfinished_files_except_those_to_keep(blobs, tmp_path):
    for name in (NAME, OTHER_NAME):
        blobs.begin(name).close()
    digest = store_blob(blobs, DATA, "3f0c1b1e-0000-4000-8000-000000000003")
    FileBlobs(tmp_path, durable=True).sweep({NAME})
    assert [path.name for path in (tmp_path / "ingest").iterdir()] == [NAME]
    assert blobs.size(digest) == len(DATA)


def test_a_writer_that_cannot_begin_holds_nothing(blobs):
    blobs.begin(NAME).close()
    for attempt in (lambda: blobs.begin(NAME), lambda: blobs.resume(OTHER_NAME, 0)):
        with pytest.raises((FileExistsError, FileNotFoundError)):
            attempt()
    assert blobs.held([NAME, OTHER_NAME]) == set()


def test_a_blob_that_cannot_be_synced_is_dropped(tmp_path, monkeypatch):
    """After a failed sync, the system takes the bytes for synced, and the next sync would succeed."""
    blobs = FileBlobs(tmp_path, durable=True)
    writer = blobs.begin(NAME)
    writer.write(DATA)
    with monkeypatch.context() as broken:
        broken.setattr(files.os, "fsync", failing)
        with pytest.raises(StorageFailure):
            writer.commit(digest_of(DATA))
    writer.close()
    assert Folder(tmp_path, durable=True).names() == []
    assert not blobs.has_written(NAME, len(DATA))


def failing(_handle):
    raise OSError(errno.EIO, "Input/output error")
