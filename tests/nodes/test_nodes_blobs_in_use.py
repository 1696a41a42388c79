"""What one node pushes or pulls, another node neither collects nor resets away."""

from contextlib import contextmanager
from threading import Thread
from unittest.mock import patch

import pytest
from werkzeug.test import Client

from ecr_emulator.storage.blobs.s3_place import read_place
from ecr_emulator.storage.uploads import SqlUploads
from ecr_emulator.testing.upstream.images import layer
from tests.support.docker import Docker, refusal
from tests.support.images import an_image
from tests.support.postgres import end_session

BLOB = layer("blob", 10_000)
PATH = f"/v2/team/app/blobs/{BLOB.digest}"


@pytest.fixture
def nodes(nodes_anywhere):
    return nodes_anywhere


@pytest.fixture
def here(nodes):
    """A client of one node."""
    docker = Docker(nodes.emulators[0])
    docker.ecr.create_repository(repositoryName="team/app")
    return docker


@pytest.fixture
def there(nodes, here):
    """A client of the other node."""
    return Docker(nodes.emulators[1])


def collect(docker, grace="0s"):
    """Collect garbage on a node, however young, and return the numbers of what was deleted."""
    answer = docker.http.post("/_ecr/gc", json={"grace": grace})
    assert answer.status_code == 200, answer.text
    return answer.json


@contextmanager
def between_file_and_row(docker, happens):
    """Let something happen when a node has stored a blob's file, and has not yet recorded the blob."""
    blobs = docker.emulator._blobs
    resume = blobs.resume

    def resume_and(*arguments):
        writer = resume(*arguments)
        commit = writer.commit

        def commit_then(digest):
            verified = commit(digest)
            happens()
            return verified

        writer.commit = commit_then
        return writer

    with patch.object(blobs, "resume", resume_and):
        yield


def push(docker):
    location = docker.begin()
    docker.send("PATCH", location, data=BLOB.raw)
    return docker.send("PUT", f"{location}?digest={BLOB.digest}")


def test_a_blob_that_is_being_pushed_is_not_collected(here, there):
    collected = []
    with between_file_and_row(here, lambda: collected.append(collect(there))):
        assert push(here).status_code == 201
    assert collected == [{"uploads": 0, "layers": 0, "blobs": 0, "bytes": 0}]
    assert there.get(PATH).data == BLOB.raw
    assert collect(there)["blobs"] == 1


def test_an_upload_that_receives_bytes_is_not_collected(here, there):
    location = here.begin()

    def pieces():
        yield BLOB.raw[:100]
        assert collect(there)["uploads"] == 0
        yield BLOB.raw[100:]

    services = here.emulator.services
    services.uploads.append(services.home, "team/app", location.rpartition("/")[2], pieces())
    assert there.send("PUT", f"{location}?digest={BLOB.digest}").status_code == 201
    idle = here.begin()
    here.send("PATCH", idle, data=b"x")
    assert collect(there)["uploads"] == 1
    assert refusal(here.send("PATCH", idle, data=b"x"))[:2] == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_node_that_starts_keeps_uploads_of_others(nodes, here):
    location = here.begin()
    here.send("PATCH", location, data=BLOB.raw[:100])
    another = Docker(nodes.start())
    assert another.send("PUT", f"{location}?digest={BLOB.digest}", data=BLOB.raw[100:]).status_code == 201


def test_a_node_that_starts_keeps_an_upload_that_begins_meanwhile(nodes, here):
    locations, read_ids = [], SqlUploads.ids
    beginning = Thread(target=lambda: locations.append(here.begin()))

    def begin_then(uploads):
        found = read_ids(uploads)
        beginning.start()
        beginning.join(0.2)  # it does not end before the node has started, but must not be waited for
        return found

    with patch.object(SqlUploads, "ids", begin_then):
        nodes.start()
    beginning.join()
    assert here.send("PUT", f"{locations[0]}?digest={BLOB.digest}", data=BLOB.raw).status_code == 201


def test_a_reset_on_another_node_ends_a_push_and_leaves_nothing_of_it(here, there, tmp_path):
    def reset():
        assert there.http.post("/_ecr/reset", json={}).status_code == 200

    with between_file_and_row(here, reset):
        assert refusal(push(here))[:2] == (404, "BLOB_UPLOAD_UNKNOWN")
    collect(there)
    folders = [tmp_path / "blobs" / name for name in ("blobs", "ingest")]
    assert [path for folder in folders for path in folder.rglob("*") if path.is_file()] == []


def test_a_reader_gets_all_bytes_of_a_blob_that_another_node_deletes(here, there):
    here.push_blob(BLOB)
    answer = Client(here.emulator.wsgi).get(PATH, headers={"Authorization": f"Basic {here.token}"}, buffered=False)
    pieces = answer.iter_encoded()
    first = next(pieces)
    there.ecr.delete_repository(repositoryName="team/app", force=True)
    assert collect(there)["blobs"] in {0, 1}
    assert first + b"".join(pieces) == BLOB.raw
    answer.close()


# --- The connection with the locks of a node is lost ------------------------------------------------------------------


def lose_locks(docker):
    end_session(docker.emulator._state.locks)


def test_a_push_that_lost_its_hold_succeeds_if_its_blob_is_still_there(here, there):
    with between_file_and_row(here, lambda: lose_locks(here)):
        assert push(here).status_code == 201
    assert there.get(PATH).data == BLOB.raw


@pytest.mark.parametrize(
    ("grace", "expected"),
    [
        ("1h", (503, f"another node has deleted {BLOB.digest} meanwhile; send it again")),
        ("0s", (404, "Upload with id")),
    ],
)
def test_a_push_that_lost_its_hold_and_its_blob_is_not_confirmed(here, there, grace, expected):
    def lose():
        lose_locks(here)
        assert collect(there, grace)["blobs"] == 1

    with between_file_and_row(here, lose):
        status, _, reason = refusal(push(here))
    assert status == expected[0]
    assert expected[1] in reason
    assert there.get(PATH).status_code == 404
    assert push(there).status_code == 201
    assert here.get(PATH).data == BLOB.raw


def test_a_collection_that_lost_its_locks_deletes_nothing_from_s3(start_nodes, s3_server):
    [node] = start_nodes(1, blobs=read_place(s3_server.new_url())).emulators
    docker, blobs = Docker(node), node._blobs
    docker.ecr.create_repository(repositoryName="team/app")
    docker.push_blob(BLOB)
    size = blobs.size

    def lose_and_look(digest):
        lose_locks(docker)
        return size(digest)

    with patch.object(blobs, "size", lose_and_look):
        assert collect(docker)["blobs"] == 0
    assert size(BLOB.digest) == BLOB.size
    assert collect(docker)["blobs"] == 1


def test_a_node_that_lost_its_locks_between_two_requests_goes_on(here, there):
    location = here.begin()
    here.send("PATCH", location, data=BLOB.raw[:100])
    lose_locks(here)
    assert here.send("PUT", f"{location}?digest={BLOB.digest}", data=BLOB.raw[100:]).status_code == 201
    lose_locks(here)
    assert collect(here)["blobs"] == 1


def test_an_image_that_is_pushed_and_collected_in_turn_is_whole(here, there):
    for number in range(4):
        pushed = an_image(number)
        for blob in pushed.blobs:
            with between_file_and_row(here, lambda: collect(there, "1h")):
                here.push_blob(blob)
        assert here.put(pushed, "v1").status_code == 201
        collect(there, "1h")
        for blob in pushed.blobs:
            assert there.get(f"/v2/team/app/blobs/{blob.digest}").data == blob.raw
