"""Many readers of one download: each gets every byte, and they are not woken for each piece that arrives."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from ecr_emulator.ports.upstream_failures import WrongBytes
from ecr_emulator.services.pull_through.blob_download import FEW_READERS, BlobDownload
from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.system import RandomIds
from ecr_emulator.testing.upstream.images import layer

BLOB = layer("followed", 200_000)
PIECE = 1_000
LONG = 30


def followed(folder, readers, seconds_each):
    """Let a number of readers follow a download whose pieces come slowly; return the chunks that each received."""
    blobs, begun = FileBlobs(folder, durable=False), Event()

    def source(offset):
        begun.wait(LONG)
        for start in range(offset, BLOB.size, PIECE):
            time.sleep(seconds_each)
            yield BLOB.raw[start : start + PIECE]

    download = BlobDownload(BLOB.digest, BLOB.size, source)
    with ThreadPoolExecutor(readers + 1) as threads:
        running = threads.submit(download.run, lambda: blobs.begin(RandomIds().uuid()), lambda: None)
        received = [threads.submit(lambda: list(download.follow(0, BLOB.size))) for _ in range(readers)]
        begun.set()
        running.result(LONG)
        return [each.result(LONG) for each in received]


@pytest.mark.parametrize("readers", [1, FEW_READERS, 4 * FEW_READERS])
def test_each_reader_receives_every_byte(tmp_path, readers):
    for chunks in followed(tmp_path, readers, 0.0):
        assert b"".join(chunks) == BLOB.raw


def test_many_readers_receive_many_small_pieces_together(tmp_path):
    for chunks in followed(tmp_path, 4 * FEW_READERS, 0.001):
        assert len(chunks) < BLOB.size / PIECE / 4


class TwoAttempts:
    """A download whose first attempt gets other bytes, after a reader has begun to read them."""

    def __init__(self, folder, wrong):
        self._blobs = FileBlobs(folder, durable=False)
        self._wrong = wrong
        self._has_read = Event()
        self.download = BlobDownload(BLOB.digest, BLOB.size, self._source)

    def _source(self, offset):
        if self._has_read.is_set():
            yield BLOB.raw[offset:]
        else:
            yield self._wrong[offset : BLOB.size // 2]
            self._has_read.wait(LONG)
            yield self._wrong[BLOB.size // 2 :]

    def read(self):
        """Return all bytes of a reader that reads in both attempts. Raises ``UpstreamFailure``."""
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(self.download.run, lambda: self._blobs.begin(RandomIds().uuid()), lambda: None)
            chunks = self.download.follow(0, BLOB.size)
            received = next(chunks)
            self._has_read.set()
            running.result(LONG)
            return received + b"".join(chunks)


def test_a_reader_goes_on_with_a_second_attempt_that_begins_with_the_same_bytes(tmp_path):
    assert TwoAttempts(tmp_path, BLOB.raw[:-1] + b"?").read() == BLOB.raw


@pytest.mark.parametrize("place", [0, 1_000])
def test_a_reader_that_has_sent_wrong_bytes_fails(tmp_path, place):
    wrong = bytearray(BLOB.raw)
    wrong[place] ^= 1
    with pytest.raises(WrongBytes):
        TwoAttempts(tmp_path, bytes(wrong)).read()
