"""The blob store, as ``ports.blobs.BlobStore`` and ``ports.blobs.BlobWriter`` define it."""

import errno
import hashlib
import os
from threading import Thread

import pytest

from ecr_emulator.domain.names import digest_of
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.blobs import closed_writers, files
from ecr_emulator.storage.blobs.files import FileBlobs
from tests.support.damage import DAMAGES, flipped, removed

NAME = "3f0c1b1e-0000-4000-8000-000000000001"
OTHER_NAME = "3f0c1b1e-0000-4000-8000-000000000002"
DATA = bytes(range(256)) * 40


def stored_files(tmp_path):
    return sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())


def store_blob(blobs, data, name=NAME, algorithm="sha256"):
    writer = blobs.begin(name)
    writer.write(data)
    assert writer.commit(digest_of(data, algorithm))
    return digest_of(data, algorithm)


@pytest.mark.parametrize("data", [b"", b"x", DATA], ids=["empty", "one byte", "more"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_blob_comes_back_as_it_was_written(blobs, tmp_path, data, algorithm):
    digest = store_blob(blobs, data, algorithm=algorithm)
    assert blobs.size(digest) == len(data)
    with blobs.open(digest) as file:
        assert file.read() == data
        assert file.seek(len(data) // 2) == len(data) // 2
        assert file.read() == data[len(data) // 2 :]
    encoded = digest.partition(":")[2]
    assert stored_files(tmp_path) == [f"blobs/{algorithm}/{encoded[:2]}/{encoded}"]


@pytest.mark.parametrize("digest", [digest_of(b"other"), digest_of(b"other", "sha512"), "md5:00", "nonsense"])
def test_a_wrong_digest_leaves_nothing_behind(blobs, tmp_path, digest):
    writer = blobs.begin(NAME)
    writer.write(DATA)
    assert not writer.commit(digest)
    assert stored_files(tmp_path) == []
    with pytest.raises(FileNotFoundError):
        blobs.resume(NAME, 0)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_blob_that_is_written_again_is_whole_again(blobs, tmp_path, damage):
    digest = store_blob(blobs, DATA)
    damage(tmp_path / stored_files(tmp_path)[0])
    store_blob(blobs, DATA, OTHER_NAME)
    assert len(stored_files(tmp_path)) == 1
    with blobs.open(digest) as file:
        assert file.read() == DATA


def test_a_reader_finishes_while_its_blob_is_written_again(blobs):
    digest = store_blob(blobs, DATA)
    with blobs.open(digest) as file:
        start = file.read(5)
        store_blob(blobs, DATA, OTHER_NAME)
        assert start + file.read() == DATA


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_blob_is_dropped(blobs, tmp_path, damage):
    digest = store_blob(blobs, DATA)
    assert not blobs.drop_if_damaged(digest)
    damage(tmp_path / stored_files(tmp_path)[0])
    assert blobs.drop_if_damaged(digest) is (damage is not removed)
    assert blobs.size(digest) is None
    assert not blobs.drop_if_damaged(digest)


def test_a_blob_that_cannot_be_read_from_disk_is_dropped(blobs, tmp_path):
    digest = store_blob(blobs, DATA)
    path = tmp_path / stored_files(tmp_path)[0]
    path.unlink()
    path.symlink_to("/proc/self/mem")  # can be opened, and cannot be read
    assert blobs.intact_size(digest, len(DATA)) is None
    assert not path.is_symlink()


def test_a_folder_in_the_place_of_a_blob_is_not_a_blob(blobs, tmp_path):
    digest = store_blob(blobs, DATA)
    path = tmp_path / stored_files(tmp_path)[0]
    path.unlink()
    path.mkdir()
    assert blobs.size(digest) is None
    assert blobs.intact_size(digest, path.stat().st_size) is None


def test_damage_that_keeps_the_file_dates_is_found_by_reading_anew(blobs, tmp_path):
    digest = store_blob(blobs, DATA)
    path = tmp_path / stored_files(tmp_path)[0]
    before = path.stat()
    flipped(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not blobs.drop_if_damaged(digest)
    assert blobs.drop_if_damaged(digest, anew=True)


def test_a_blob_that_is_written_again_while_the_damaged_one_is_read_stays(blobs, tmp_path, monkeypatch):
    digest = store_blob(blobs, DATA)
    flipped(tmp_path / stored_files(tmp_path)[0])
    real = hashlib.file_digest

    def meanwhile(*arguments):
        monkeypatch.setattr(hashlib, "file_digest", real)
        store_blob(blobs, DATA, OTHER_NAME)
        return real(*arguments)

    monkeypatch.setattr(hashlib, "file_digest", meanwhile)
    assert not blobs.drop_if_damaged(digest)
    assert blobs.size(digest) == len(DATA)


def test_a_missing_blob_has_no_size_and_cannot_be_opened(blobs):
    for digest in (digest_of(b"nothing"), "sha256:../../../etc/passwd", "sha256:" + "A" * 64, ""):
        assert blobs.size(digest) is None
        with pytest.raises(FileNotFoundError):
            blobs.open(digest)
    with pytest.raises(FileNotFoundError):
        blobs.resume(NAME, 0)


def test_a_deleted_blob_is_gone_and_its_readers_finish(blobs):
    digest = store_blob(blobs, DATA)
    with blobs.open(digest) as file:
        assert blobs.delete([digest]) == [len(DATA)]
        assert blobs.delete([digest]) == []
        assert blobs.size(digest) is None
        assert file.read() == DATA


@pytest.mark.parametrize("name", ["..", "../blobs/x", "/etc/passwd", "", NAME + "/x", NAME.upper(), NAME + "\n"])
def test_only_uuids_name_a_writer(blobs, tmp_path, name):
    with pytest.raises(ValueError, match="not a UUID"):
        blobs.begin(name)
    with pytest.raises(ValueError, match="not a UUID"):
        blobs.resume(name, 0)
    assert stored_files(tmp_path) == []


def test_a_name_is_used_by_one_writer(blobs):
    blobs.begin(NAME).close()
    with pytest.raises(FileExistsError):
        blobs.begin(NAME)


@pytest.mark.parametrize("restarted", [False, True], ids=["same process", "after a restart"])
def test_a_closed_writer_can_be_resumed(blobs, tmp_path, restarted):
    half = len(DATA) // 2
    writer = blobs.begin(NAME)
    writer.write(DATA[:half])
    writer.close()
    again = (FileBlobs(tmp_path, durable=False) if restarted else blobs).resume(NAME, half)
    assert again.size == half
    assert again.digest() == digest_of(DATA[:half])
    again.write(DATA[half:])
    assert again.size == len(DATA)
    assert again.digest("sha512") == digest_of(DATA, "sha512")
    assert again.commit(digest_of(DATA))
    assert blobs.size(digest_of(DATA)) == len(DATA)


def test_the_chunks_of_an_upload_are_hashed_once(blobs, monkeypatch):
    blobs.begin(NAME).close()
    monkeypatch.setattr(hashlib, "file_digest", None)
    for size, byte in enumerate(DATA[:50]):
        writer = blobs.resume(NAME, size)
        writer.write(bytes([byte]))
        writer.close()
    assert blobs.resume(NAME, 50).commit(digest_of(DATA[:50]))


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


def test_bytes_beyond_the_resumed_size_are_dropped(blobs, tmp_path):
    writer = blobs.begin(NAME)
    writer.write(DATA)
    writer.close()
    writer = FileBlobs(tmp_path, durable=True).resume(NAME, 10)
    assert (writer.size, writer.digest()) == (10, digest_of(DATA[:10]))
    writer.write(DATA[10:])
    assert writer.commit(digest_of(DATA))


def test_an_abandoned_writer_leaves_nothing(blobs, tmp_path):
    writer = blobs.begin(NAME)
    writer.write(DATA)
    writer.abandon()
    writer.abandon()
    assert stored_files(tmp_path) == []


def test_abandoning_after_a_commit_is_harmless(blobs):
    writer = blobs.begin(NAME)
    assert writer.commit(digest_of(b""))
    writer.abandon()
    writer.close()
    assert blobs.size(digest_of(b"")) == 0


@pytest.mark.parametrize("ending", ["commit", "abandon"])
def test_a_reader_outlives_its_writer(blobs, ending):
    writer = blobs.begin(NAME)
    writer.write(DATA)
    with writer.reader() as file:
        assert file.read(10) == DATA[:10]
        assert writer.commit(digest_of(DATA)) if ending == "commit" else writer.abandon() is None
        assert file.read() == DATA[10:]


def test_a_writer_can_be_read_after_its_commit(blobs):
    writer = blobs.begin(NAME)
    writer.write(DATA)
    assert writer.commit(digest_of(DATA))
    with writer.reader() as file:
        assert file.read() == DATA


def test_readers_follow_a_writer_from_other_threads(blobs):
    chunks = [os.urandom(10_000) for _ in range(100)]
    data = b"".join(chunks)
    writer = blobs.begin(NAME)
    seen = {}

    def follow(reader):
        with writer.reader() as file:
            received = b""
            while len(received) < len(data):
                received += file.read(4_096) or b""
            seen[reader] = received

    threads = [Thread(target=follow, args=(reader,)) for reader in range(4)]
    for thread in threads:
        thread.start()
    for chunk in chunks:
        writer.write(chunk)
    assert writer.commit(digest_of(data))
    for thread in threads:
        thread.join()
    assert set(seen.values()) == {data}


def test_many_writers_of_one_blob_leave_one_file(blobs, tmp_path):
    names = [f"3f0c1b1e-0000-4000-8000-{number:012x}" for number in range(20)]
    threads = [Thread(target=store_blob, args=(blobs, DATA, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stored_files(tmp_path)) == 1


def test_a_sweep_deletes_unfinished_files_except_those_to_keep(blobs, tmp_path):
    for name in (NAME, OTHER_NAME):
        blobs.begin(name).close()
    digest = store_blob(blobs, DATA, "3f0c1b1e-0000-4000-8000-000000000003")
    FileBlobs(tmp_path, durable=True).sweep({NAME})
    assert [path.name for path in (tmp_path / "ingest").iterdir()] == [NAME]
    assert blobs.size(digest) == len(DATA)


def test_a_sweep_keeps_the_file_of_an_open_writer(blobs, tmp_path):
    writer = blobs.begin(NAME)
    assert blobs.sweep(set()) == 0
    writer.close()
    assert blobs.sweep(set()) == 1
    assert stored_files(tmp_path) == []


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
    assert stored_files(tmp_path) == []
    assert not blobs.has_written(NAME, len(DATA))


def failing(_handle):
    raise OSError(errno.EIO, "Input/output error")
