"""The blob store, as ``ports.blobs.BlobStore`` and ``ports.blobs.BlobWriter`` define it, in all places for blobs."""

import hashlib
import os
from contextlib import closing
from threading import Thread

import pytest

from ecr_emulator.domain.names import digest_of
from tests.support.blob_places import DATA, NAME, OTHER_NAME, store_blob
from tests.support.damage import DAMAGES, flipped, removed


@pytest.fixture
def blobs(place):
    with closing(place.open()) as blobs:
        yield blobs


@pytest.mark.parametrize("data", [b"", b"x", DATA], ids=["empty", "one byte", "more"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_blob_comes_back_as_it_was_written(blobs, place, data, algorithm):
    digest = store_blob(blobs, data, algorithm=algorithm)
    assert blobs.size(digest) == len(data)
    with blobs.open(digest) as file:
        assert file.read() == data
        assert file.seek(len(data) // 2) == len(data) // 2
        assert file.read() == data[len(data) // 2 :]
    encoded = digest.partition(":")[2]
    assert place.names() == [f"blobs/{algorithm}/{encoded[:2]}/{encoded}"]


@pytest.mark.parametrize("digest", [digest_of(b"other"), digest_of(b"other", "sha512"), "md5:00", "nonsense"])
def test_a_wrong_digest_leaves_nothing_behind(blobs, place, digest):
    writer = blobs.begin(NAME)
    writer.write(DATA)
    assert not writer.commit(digest)
    assert place.names() == []
    with pytest.raises(FileNotFoundError):
        blobs.resume(NAME, len(DATA))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_blob_that_is_written_again_is_whole_again(blobs, place, damage):
    digest = store_blob(blobs, DATA)
    place.change(place.names()[0], damage)
    store_blob(blobs, DATA, OTHER_NAME)
    assert len(place.names()) == 1
    with blobs.open(digest) as file:
        assert file.read() == DATA


def test_a_reader_finishes_while_its_blob_is_written_again(blobs):
    digest = store_blob(blobs, DATA)
    with blobs.open(digest) as file:
        start = file.read(5)
        store_blob(blobs, DATA, OTHER_NAME)
        assert start + file.read() == DATA


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_blob_is_dropped(blobs, place, damage):
    digest = store_blob(blobs, DATA)
    assert not blobs.drop_if_damaged(digest)
    place.change(place.names()[0], damage)
    assert blobs.drop_if_damaged(digest) is (damage is not removed)
    assert blobs.size(digest) is None
    assert not blobs.drop_if_damaged(digest)


def test_a_blob_that_is_written_again_while_the_damaged_one_is_read_stays(blobs, place, monkeypatch):
    digest = store_blob(blobs, DATA)
    place.change(place.names()[0], flipped)
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
        blobs.resume(NAME, 1)
    assert not blobs.has_written(NAME, 1)


def test_a_deleted_blob_is_gone_and_its_readers_finish(blobs):
    digest = store_blob(blobs, DATA)
    with blobs.open(digest) as file:
        start = file.read(5)
        assert blobs.delete([digest]) == [len(DATA)]
        assert blobs.delete([digest]) == []
        assert blobs.size(digest) is None
        assert start + file.read() == DATA
    with pytest.raises(FileNotFoundError):
        blobs.open(digest)


@pytest.mark.parametrize("name", ["..", "../blobs/x", "/etc/passwd", "", NAME + "/x", NAME.upper(), NAME + "\n"])
def test_only_uuids_name_a_writer(blobs, place, name):
    with pytest.raises(ValueError, match="not a UUID"):
        blobs.begin(name)
    with pytest.raises(ValueError, match="not a UUID"):
        blobs.resume(name, 0)
    assert place.names() == []


@pytest.mark.parametrize("restarted", [False, True], ids=["same process", "after a restart"])
def test_a_closed_writer_can_be_resumed(blobs, place, restarted):
    half = len(DATA) // 2
    writer = blobs.begin(NAME)
    writer.write(DATA[:half])
    writer.close()
    assert blobs.has_written(NAME, half)
    again = (place.open() if restarted else blobs).resume(NAME, half)
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
    for size, byte in enumerate(DATA[:12]):
        writer = blobs.resume(NAME, size)
        writer.write(bytes([byte]))
        writer.close()
    assert blobs.resume(NAME, 12).commit(digest_of(DATA[:12]))


def test_bytes_beyond_the_resumed_size_are_dropped(blobs, place):
    writer = blobs.begin(NAME)
    writer.write(DATA[:10])
    writer.close()
    writer = blobs.resume(NAME, 10)
    writer.write(DATA[100:200])
    writer.close()
    writer = place.open().resume(NAME, 10)
    assert (writer.size, writer.digest()) == (10, digest_of(DATA[:10]))
    writer.write(DATA[10:])
    assert writer.commit(digest_of(DATA))
    assert len(place.names()) == 1


def test_an_abandoned_writer_leaves_nothing(blobs, place):
    writer = blobs.begin(NAME)
    writer.write(DATA)
    writer.abandon()
    writer.abandon()
    assert place.names() == []


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


def test_many_writers_of_one_blob_leave_one_file(blobs, place):
    names = [f"3f0c1b1e-0000-4000-8000-{number:012x}" for number in range(20)]
    threads = [Thread(target=store_blob, args=(blobs, DATA, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(place.names()) == 1


def test_a_sweep_keeps_the_bytes_of_open_writers_and_of_those_to_keep(blobs, place):
    digest = store_blob(blobs, DATA, OTHER_NAME)
    blobs.begin(NAME).close()
    writer = blobs.resume(NAME, 0)
    writer.write(DATA)
    assert blobs.sweep(set()) == 0
    writer.close()
    assert place.open().sweep({NAME}) == 0
    writer = blobs.resume(NAME, len(DATA))
    assert blobs.sweep(set()) == 0
    writer.close()
    assert place.open().sweep(set()) == 1
    assert len(place.names()) == 1
    assert blobs.size(digest) == len(DATA)


def test_flushed_bytes_are_there_for_another_process(blobs, place):
    blobs.begin(NAME).close()
    writer = blobs.resume(NAME, 0)
    writer.write(DATA)
    writer.flush()
    assert place.open().has_written(NAME, len(DATA))
    writer.close()


def test_blobs_are_listed_in_order_and_after_any_digest(blobs):
    digests = sorted(
        store_blob(blobs, bytes([number]), f"3f0c1b1e-0000-4000-8000-{number:012x}", ("sha256", "sha512")[number % 2])
        for number in range(12)
    )
    assert list(blobs.digests()) == digests
    for after in ("", "a", "sha256:", digests[3], digests[3][:12], digests[-1], "z"):
        assert list(blobs.digests(after)) == [digest for digest in digests if digest > after]


def test_held_blobs_are_not_deleted(blobs):
    digest = store_blob(blobs, DATA)
    with blobs.hold(digest):
        assert blobs.held([digest, NAME]) == {digest}
        assert blobs.delete([digest]) == []
    assert blobs.delete([digest, digest_of(b"missing")]) == [len(DATA)]
