"""Many readers of one download: each gets every byte, and they are not woken for each piece that arrives."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

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
