"""A reset removes all blobs at once; their files are deleted in the background, by the next process if need be."""

from __future__ import annotations

import os
from threading import Thread

import pytest

from ecr_emulator.domain.names import digest_of
from ecr_emulator.storage.blobs import discarded
from ecr_emulator.storage.blobs import files as blob_files
from ecr_emulator.storage.blobs.files import FileBlobs

NAMES = [f"3f0c1b1e-0000-4000-8000-{number:012x}" for number in range(20)]


@pytest.fixture
def many(monkeypatch):
    """Let every number of blobs count as many."""
    monkeypatch.setattr(blob_files, "PATIENCE", -1.0)


@pytest.fixture(params=["few", "many"])
def few_or_many(request):
    """Run the test twice: with few blobs, and as if they were many."""
    if request.param == "many":
        request.getfixturevalue("many")


def store_blob(blobs, data, name):
    writer = blobs.begin(name)
    writer.write(data)
    assert writer.commit(digest_of(data))
    return digest_of(data)


def files(folder):
    """The files below a folder, without those of other folders than the blobs' own."""
    return sorted(name for _, _, names in os.walk(folder) for name in names)


def wait(blobs):
    for thread in blobs._discarded._threads:
        thread.join()


def test_a_reset_removes_all_but_what_is_held(blobs, tmp_path, few_or_many):
    kept, gone = (store_blob(blobs, data, name) for data, name in zip((b"kept", b"gone"), NAMES, strict=False))
    writer = blobs.begin(NAMES[2])
    with blobs.hold(kept):
        blobs.clear()
    assert (blobs.size(kept), blobs.size(gone)) == (4, None)
    assert list(blobs.digests()) == [kept]
    writer.write(b"more")
    assert writer.commit(digest_of(b"more"))
    wait(blobs)
    assert files(tmp_path) == sorted(digest.partition(":")[2] for digest in (kept, digest_of(b"more")))


def test_a_blob_can_be_stored_again_after_a_reset(blobs, few_or_many):
    digest = store_blob(blobs, b"data", NAMES[0])
    for name in NAMES[1:4]:
        blobs.clear()
        assert blobs.size(digest) is None
        assert store_blob(blobs, b"data", name) == digest


def test_a_reader_finishes_after_a_reset(blobs, few_or_many):
    digest = store_blob(blobs, b"data", NAMES[0])
    with blobs.open(digest) as file:
        blobs.clear()
        assert file.read() == b"data"


def test_a_held_blob_is_there_during_a_reset(blobs, many, monkeypatch):
    kept = store_blob(blobs, b"kept", NAMES[0])
    for name in NAMES[1:]:
        store_blob(blobs, name.encode(), name)
    seen = []
    real = os.rename

    def rename_and_look(source, target):
        real(source, target)
        seen.append(blobs.size(kept))

    monkeypatch.setattr(os, "rename", rename_and_look)
    with blobs.hold(kept):
        blobs.clear()
    assert set(seen) == {4}
    assert list(blobs.digests()) == [kept]


def test_writers_that_hold_their_blobs_lose_none_to_resets(blobs, few_or_many):
    lost = []

    def push(name):
        data = name.encode()
        with blobs.hold(digest_of(data)):
            store_blob(blobs, data, name)
            if blobs.size(digest_of(data)) is None:
                lost.append(name)

    threads = [Thread(target=push, args=(name,)) for name in NAMES]
    for thread in threads:
        thread.start()
        blobs.clear()
    for thread in threads:
        thread.join()
    assert lost == []


def test_what_a_process_could_not_delete_is_deleted_by_the_next(blobs, tmp_path, many, monkeypatch):
    for number, name in enumerate(NAMES):
        store_blob(blobs, b"%d" % number, name)
    real = os.unlink

    def end_after(path):
        real(path)
        if discarded.DISCARDED in path:
            blobs._discarded._is_closed.set()

    monkeypatch.setattr(os, "unlink", end_after)
    blobs.clear()
    wait(blobs)
    blobs.close()
    assert len(files(tmp_path)) == len(NAMES) - 1
    monkeypatch.setattr(os, "unlink", real)
    again = FileBlobs(tmp_path, durable=False)
    wait(again)
    assert files(tmp_path) == []
    assert not (tmp_path / discarded.DISCARDED).exists()


def test_few_blobs_are_deleted_in_place(blobs, tmp_path):
    store_blob(blobs, b"data", NAMES[0])
    blobs.clear()
    assert files(tmp_path) == []
    assert not (tmp_path / discarded.DISCARDED).exists()


def test_many_files_are_deleted_by_a_thread(blobs, many):
    store_blob(blobs, b"data", NAMES[0])
    blobs.clear()
    assert len(blobs._discarded._threads) == 1
    assert list(blobs.digests()) == []
