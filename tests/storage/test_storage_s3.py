"""Blobs in S3: requests, pieces of uploads on several nodes, and failures of the server."""

from __future__ import annotations

import os
from contextlib import closing, suppress
from types import SimpleNamespace

import pytest
import requests
from botocore import endpoint

from ecr_emulator.domain.names import digest_of
from ecr_emulator.emulator import Emulator
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.settings import Settings
from ecr_emulator.storage.blobs.s3.reader import SKIPPED
from ecr_emulator.storage.blobs.s3.retries import ATTEMPTS
from ecr_emulator.storage.blobs.s3.writer import PIECE
from tests.support.blob_places import DATA, NAME, OTHER_NAME, Bucket, store_blob
from tests.support.docker import Docker
from tests.support.images import an_image
from tests.support.s3 import cut_after, hangs_up, loses, refuses

MIB = 1024 * 1024
BROKEN = refuses("500 Internal Server Error", "InternalError")


@pytest.fixture
def place(moto_s3, tmp_path):
    with closing(Bucket(moto_s3, tmp_path)) as bucket:
        yield bucket
    moto_s3.faults.clear()


@pytest.fixture
def faults(moto_s3, monkeypatch):
    """The faults of the server; requests are repeated at once."""
    monkeypatch.setattr(endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    moto_s3.faults.clear()
    return moto_s3.faults


@pytest.fixture
def blobs(place):
    return place.open()


def append(blobs, size, data):
    """Append bytes to an upload, as one request does."""
    with closing(blobs.resume(NAME, size)) as writer:
        writer.write(data)
    return size + len(data)


# --- Requests --------------------------------------------------------------------------------------------


def test_a_small_blob_takes_one_request(blobs, faults):
    store_blob(blobs, DATA)
    assert len(faults.requests) == 1


def test_a_blob_is_read_in_one_request(blobs, faults):
    data = os.urandom(2 * MIB)
    with blobs.open(store_blob(blobs, data)) as file:
        assert b"".join(iter(lambda: file.read(64 * 1024), b"")) == data
    assert faults.count("GET ") == 1


def test_a_read_elsewhere_skips_few_bytes_and_requests_what_is_far(blobs, faults):
    data = os.urandom(2 * MIB)
    with blobs.open(store_blob(blobs, data)) as file:
        assert file.read(10) == data[:10]
        file.seek(SKIPPED)
        assert file.read(10) == data[SKIPPED : SKIPPED + 10]
        assert faults.count("GET ") == 1
        file.seek(-10, os.SEEK_END)
        assert file.read() == data[-10:]
        file.seek(5)
        assert file.read(5) == data[5:10]
        assert faults.count("GET ") == 3


def test_many_blobs_are_deleted_in_one_request(blobs, faults):
    digests = [store_blob(blobs, bytes([number])) for number in range(20)]
    faults.clear()
    assert sorted(blobs.delete(digests)) == [1] * 20
    assert (faults.count("?delete"), faults.count("DELETE ")) == (1, 0)


def test_anybody_can_read_a_blob_by_its_signed_url(blobs):
    digest = store_blob(blobs, DATA)
    url = blobs.bucket.url(blobs.key(digest), 60)
    assert requests.get(url, timeout=20).content == DATA
    assert "X-Amz-Expires=60" in url


# --- Uploads ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [[1, 1, 1], [6 * MIB, 3 * MIB, 3 * MIB, 1], [PIECE, PIECE + 1], [PIECE * 2]])
def test_chunks_of_any_size_on_alternating_nodes_become_one_blob(place, sizes):
    nodes, data, size = [place.open(), place.open()], os.urandom(sum(sizes)), 0
    for number, chunk in enumerate(sizes):
        node = nodes[number % 2]
        assert node.has_written(NAME, size)
        size = append(node, size, data[size : size + chunk])
    writer = nodes[len(sizes) % 2].resume(NAME, size)
    assert writer.commit(digest_of(data))
    assert place.names() == [nodes[0].key(digest_of(data))]
    with nodes[0].open(digest_of(data)) as file:
        assert file.read() == data


def test_a_node_that_only_ends_an_upload_reads_no_bytes_back(place, faults):
    size = append(place.open(), 0, DATA)
    faults.clear()
    assert place.open().resume(NAME, size).commit(digest_of(DATA))
    assert faults.count("GET ") == 2  # the list of its pieces, and what to delete afterwards


def test_a_node_that_was_cut_off_does_not_change_what_others_have_written(place):
    lost, other = place.open(), place.open()
    for node in (lost, other):
        node._holds.are_shared = True
    slow = lost.resume(NAME, 0)
    slow.write(DATA[::-1])
    append(other, 0, DATA)
    for attempt in (slow.flush, slow.close):
        with pytest.raises(StorageFailure, match="another node has continued this upload"):
            attempt()
    with closing(other.resume(NAME, len(DATA))) as writer, writer.reader() as file:
        assert file.read() == DATA
        assert writer.commit(digest_of(DATA))


def test_a_lost_answer_to_the_progress_of_an_upload_is_no_failure(blobs, faults):
    blobs._holds.are_shared = True
    with closing(blobs.resume(NAME, 0)) as writer:
        writer.write(DATA)
        faults.fail(f"/{NAME}/progress-", loses, count=1)
        writer.flush()
    assert sum(each.startswith("PUT ") and "/progress-" in each for each in faults.requests) == 2
    assert blobs.has_written(NAME, len(DATA))


def test_a_node_writes_again_what_another_one_did_not_confirm(place):
    killed, other = place.open(), place.open()
    other._holds.are_shared = True
    append(killed, append(killed, 0, DATA), DATA[::-1])
    size = append(other, len(DATA), DATA)
    with closing(other.resume(NAME, size)) as writer:
        assert writer.commit(digest_of(DATA + DATA))
    assert place.names() == [other.key(digest_of(DATA + DATA))]


def test_an_upload_waits_until_its_pieces_are_stored(place, faults):
    size = append(place.open(), 0, os.urandom(PIECE + 1))
    faults.fail("PUT ", BROKEN)
    writer = place.open().resume(NAME, size)
    writer.write(b"lost")
    with pytest.raises(StorageFailure, match="InternalError: of the test"):
        writer.flush()
    with pytest.raises(StorageFailure):
        writer.close()
    faults.clear()
    another = place.open()
    assert not another.has_written(NAME, size + 4)
    with closing(another.resume(NAME, size)) as writer:
        assert writer.size == size


def test_a_failed_piece_fails_all_that_follows(blobs, faults):
    faults.fail("/000000000000-", BROKEN)
    writer = blobs.begin(NAME)
    with suppress(StorageFailure):
        for _ in range(8):
            writer.write(bytes(PIECE))
    for attempt in (writer.flush, lambda: writer.commit(writer.digest())):
        with pytest.raises(StorageFailure):
            attempt()
    writer.abandon()
    assert blobs.sweep(set()) == 0


# --- Failures --------------------------------------------------------------------------------------------


def test_a_request_that_fails_is_repeated(blobs, faults):
    faults.fail("PUT ", BROKEN, count=ATTEMPTS - 1)
    digest = store_blob(blobs, DATA)
    faults.fail("HEAD ", refuses("503 Slow Down", "SlowDown"), count=ATTEMPTS - 1)
    assert blobs.size(digest) == len(DATA)


def test_a_server_that_fails_is_a_failure_of_the_storage(blobs, faults):
    faults.fail("PUT ", BROKEN)
    writer = blobs.begin(NAME)
    writer.write(DATA)
    with pytest.raises(StorageFailure, match=r"S3 refuses PutObject for s3:.*: InternalError: of the test"):
        writer.commit(digest_of(DATA))
    assert faults.count("PUT ") == ATTEMPTS
    faults.clear()
    assert blobs.size(digest_of(DATA)) is None
    assert writer.commit(digest_of(DATA))


def test_a_server_that_cannot_be_reached_is_a_failure_of_the_storage(blobs, faults):
    faults.fail("", hangs_up)
    with pytest.raises(StorageFailure, match="S3 cannot be used"):
        blobs.size(digest_of(DATA))


def test_requests_that_need_a_server_that_fails_are_refused_with_the_reason(place, faults, tmp_path):
    with Emulator(Settings(data_dir=tmp_path / "state", blobs=place.setting)) as emulator:
        docker, app = Docker(emulator), an_image(7)
        docker.ecr.create_repository(repositoryName="team/app")
        docker.push(app, "v1")
        faults.fail("", refuses("503 Service Unavailable", "SlowDown"))
        layer = f"/v2/team/app/blobs/{app.layers[0].digest}"
        assert [docker.send(method, layer).status_code for method in ("GET", "HEAD")] == [503, 503]
        new = an_image(8).layers[0]
        push = docker.send("POST", f"/v2/team/app/blobs/uploads/?digest={new.digest}", data=new.raw)
        assert push.status_code == 503
        assert "503: Service Unavailable" in docker.get(layer).text
        faults.clear()
        assert docker.get(layer).data == app.layers[0].raw


def test_a_read_that_breaks_off_goes_on(blobs, faults):
    data = os.urandom(MIB)
    digest = store_blob(blobs, data)
    faults.fail("GET ", cut_after(300_000), count=3)
    with blobs.open(digest) as file:
        assert file.read() == data
    assert faults.count("GET ") == 4


def test_a_read_that_never_goes_on_fails(blobs, faults):
    digest = store_blob(blobs, DATA)
    faults.fail("GET ", cut_after(0))
    with blobs.open(digest) as file, pytest.raises(OSError, match=f"ends s3:.*/blobs/.* {len(DATA)} bytes early"):
        file.read()


def test_a_blob_that_cannot_be_read_is_not_taken_for_damaged(blobs, faults):
    digest = store_blob(blobs, DATA)
    faults.fail("GET ", cut_after(0))
    with pytest.raises(StorageFailure):
        blobs.drop_if_damaged(digest, anew=True)
    faults.clear()
    faults.fail("GET ", refuses("403 Forbidden", "AccessDenied"))
    with pytest.raises(StorageFailure, match="AccessDenied"):
        blobs.drop_if_damaged(digest, anew=True)
    faults.clear()
    assert blobs.intact_size(digest, len(DATA)) == len(DATA)


def test_a_blob_in_parts_is_whole_or_not_there(place, blobs, faults):
    data = os.urandom(2 * PIECE)
    writer = blobs.begin(NAME)
    writer.write(data)
    faults.fail("POST ", BROKEN)
    with pytest.raises(StorageFailure):
        writer.commit(digest_of(data))
    faults.clear()
    assert blobs.size(digest_of(data)) is None
    assert not list(blobs.bucket.begun_parts(""))
    assert writer.commit(digest_of(data))
    assert len(place.names()) == 1


def test_a_lost_answer_to_the_last_request_of_a_blob_is_no_failure(blobs, faults):
    data = os.urandom(2 * PIECE)
    writer = blobs.begin(NAME)
    writer.write(data)
    faults.fail("POST ", loses_the_end, count=2)
    assert writer.commit(digest_of(data))
    assert blobs.size(digest_of(data)) == len(data)
    assert sum(each.startswith("POST ") and "uploadId" in each for each in faults.requests) == 2


def loses_the_end(app, environ, start):
    """Lose the answer to the request that makes a blob of its parts."""
    return (loses if "uploadId" in environ["QUERY_STRING"] else answered)(app, environ, start)


def answered(app, environ, start):
    return app(environ, start)


def test_parts_that_a_killed_node_has_left_are_swept(place, blobs):
    digest = digest_of(DATA)
    blobs.bucket.begin_parts(blobs.key(digest))
    with blobs.hold(digest):
        blobs.sweep(set())
        assert len(list(blobs.bucket.begun_parts(""))) == 1
    blobs.sweep(set())
    assert not list(blobs.bucket.begun_parts(""))


# --- Snapshots -------------------------------------------------------------------------------------------


def test_nothing_is_deleted_while_a_snapshot_needs_it(place, blobs):
    digest = store_blob(blobs, DATA, OTHER_NAME)
    size = append(blobs, 0, DATA)
    no_longer = blobs.keep_everything()
    assert blobs.delete([digest]) == []
    blobs.resume(NAME, size).abandon()
    assert blobs.sweep(set()) == 0
    assert blobs.has_written(NAME, size)
    no_longer()
    assert blobs.delete([digest]) == [len(DATA)]
    assert blobs.sweep(set()) == 1
    assert place.names() == []
