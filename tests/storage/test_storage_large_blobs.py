"""Large blobs: other threads hash them, and let the disk write them, while the rest of them arrives."""

import os
from queue import SimpleQueue
from threading import Event, Semaphore, Thread

from ecr_emulator.domain.names import digest_of
from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.storage.blobs.parallel_hash import AHEAD, SMALL, ParallelHash
from ecr_emulator.storage.blobs.write_back import STEP

NAME = "3f0c1b1e-0000-4000-8000-000000000001"
WAIT = 20
"""Seconds after which a test fails instead of waiting longer."""


def test_pieces_of_any_size_are_hashed_in_their_order(blobs):
    pieces = [bytes([number]) * (SMALL + 1 if number % 3 else 7) for number in range(200)]
    blobs.begin(NAME).close()
    written = b""
    for first in range(0, len(pieces), 20):
        writer = blobs.resume(NAME, len(written))
        for piece in pieces[first : first + 20]:
            writer.write(piece)
            written += piece
        assert writer.digest() == digest_of(written)
        writer.close()
    assert blobs.resume(NAME, len(written)).commit(digest_of(written))


class SlowHasher:
    """A hash object whose updates wait until they are allowed."""

    def __init__(self):
        self.seen = []
        self.allowed = Semaphore(0)

    def update(self, data):
        assert self.allowed.acquire(timeout=WAIT)
        self.seen.append(bytes(data))


def test_a_writer_waits_for_its_hash_only_when_it_is_far_ahead():
    hasher, half = SlowHasher(), AHEAD // 2
    hash_ = ParallelHash(hasher)
    pieces = [bytes([number]) * half for number in range(3)]
    for piece in pieces[:2]:
        hash_.update(memoryview(piece))
    third = Thread(target=hash_.update, args=(memoryview(pieces[2]),))
    third.start()
    third.join(0.05)
    assert third.is_alive()
    hasher.allowed.release(3)
    third.join(WAIT)
    assert not third.is_alive()
    assert hash_.result().seen == pieces


def test_a_blob_with_many_pieces_does_not_keep_the_hash_threads_from_others():
    long, short = SlowHasher(), SlowHasher()
    short.allowed.release()
    hashes = [ParallelHash(long) for _ in range(os.cpu_count())]
    for hash_ in hashes:
        for _ in range(8):
            hash_.update(memoryview(bytes(SMALL)))
    other = ParallelHash(short)
    other.update(memoryview(bytes(SMALL)))
    long.allowed.release(len(hashes))
    waiting = Thread(target=other.result, daemon=True)
    waiting.start()
    waiting.join(WAIT)
    assert len(short.seen) == 1
    long.allowed.release(7 * len(hashes))
    for hash_ in hashes:
        hash_.result()


def test_the_disk_begins_to_write_a_large_blob_before_it_is_complete(tmp_path, monkeypatch):
    begun = SimpleQueue()
    monkeypatch.setattr(os, "posix_fadvise", lambda _file, start, count, _advice: begun.put((start, count)))
    quarter = bytes(STEP // 4)
    for durable in (True, False):
        blobs = FileBlobs(tmp_path / str(durable), durable=durable)
        blobs.begin(NAME).close()
        for number in range(11):  # chunks of an upload, each written by a writer of its own
            writer = blobs.resume(NAME, number * len(quarter))
            writer.write(quarter)
            writer.close()
            if durable and number == 3:
                assert begun.get(timeout=WAIT) == (0, STEP)
        if durable:
            start, count = begun.get(timeout=WAIT)
            assert start == STEP
            assert count >= STEP
        assert begun.empty()


def test_a_writer_does_not_wait_for_a_busy_disk(tmp_path, monkeypatch):
    begun, is_free = SimpleQueue(), Event()

    def wait(_file, start, count, _advice):
        begun.put((start, count))
        assert is_free.wait(WAIT)

    monkeypatch.setattr(os, "posix_fadvise", wait)
    writer = FileBlobs(tmp_path, durable=True).begin(NAME)
    writer.write(bytes(STEP))
    assert begun.get(timeout=WAIT) == (0, STEP)
    writer.write(bytes(STEP))
    writer.write(bytes(STEP))
    assert begun.empty()
    is_free.set()
    digest = digest_of(bytes(3 * STEP))
    assert writer.commit(digest)


def test_a_disk_that_cannot_begin_early_syncs_at_the_end(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("not supported")

    monkeypatch.setattr(os, "posix_fadvise", fail)
    data = bytes(STEP)
    writer = FileBlobs(tmp_path, durable=True).begin(NAME)
    writer.write(data)
    assert writer.commit(digest_of(data))
