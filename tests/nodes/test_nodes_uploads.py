"""Uploads that go on in another node."""

import hashlib
from contextlib import contextmanager
from threading import Event, Thread
from unittest.mock import patch

import pytest

from ecr_emulator.domain.names import Registry
from ecr_emulator.services import upload_sessions
from ecr_emulator.testing.upstream.images import image, layer
from tests.support.docker import ACCOUNT, Docker, refusal

BLOB = layer("blob", 100_000)
CHUNK = 30_000
UPLOADS = "/v2/team/app/blobs/uploads/"


@pytest.fixture
def nodes(nodes_anywhere):
    return nodes_anywhere


@pytest.fixture
def docker(nodes):
    """A client whose requests go to the nodes in turn."""
    docker = Docker(nodes)
    docker.ecr.create_repository(repositoryName="team/app")
    return docker


@pytest.fixture
def clients(nodes, docker):
    """A client of each node."""
    return [Docker(node) for node in nodes.emulators]


def push_in_chunks(docker, blob):
    location = docker.begin()
    for start in range(0, blob.size, CHUNK):
        chunk = blob.raw[start : start + CHUNK]
        span = {"Content-Range": f"{start}-{start + len(chunk) - 1}"}
        assert docker.send("PATCH", location, data=chunk, headers=span).status_code == 202
    assert docker.send("PUT", f"{location}?digest={blob.digest}").status_code == 201


def test_an_image_whose_chunks_go_to_all_nodes_is_whole_on_each(docker, clients):
    pushed = image(1, layer("first", 100_001), layer("second", 99_999))
    for blob in pushed.blobs:
        push_in_chunks(docker, blob)
    assert docker.put(pushed, "v1").status_code == 201
    for each in clients:
        assert each.get("/v2/team/app/manifests/v1").data == pushed.raw
        for blob in pushed.blobs:
            assert each.get(f"/v2/team/app/blobs/{blob.digest}").data == blob.raw


def test_layer_parts_go_to_all_nodes(docker):
    ecr, size = docker.ecr, 5 * 1024 * 1024
    blob = layer("parts", 2 * size + 10)
    upload = ecr.initiate_layer_upload(repositoryName="team/app")["uploadId"]
    for first in range(0, blob.size, size):
        part = blob.raw[first : first + size]
        ecr.upload_layer_part(
            repositoryName="team/app",
            uploadId=upload,
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )
    ecr.complete_layer_upload(repositoryName="team/app", uploadId=upload, layerDigests=[blob.digest])
    assert docker.get(f"/v2/team/app/blobs/{blob.digest}").data == blob.raw


def test_each_node_knows_the_progress(clients):
    here, there = clients
    location = here.begin()
    for client, start in ((here, 0), (there, 10), (there, 20), (here, 30)):
        assert client.send("PATCH", location, data=BLOB.raw[start : start + 10]).status_code == 202
        assert {each.get(location).headers["Range"] for each in clients} == {f"0-{start + 9}"}
    late = there.send("PATCH", location, data=b"x" * 10, headers={"Content-Range": "20-29"})
    assert (late.status_code, late.headers["Range"]) == (416, "0-39")
    assert there.send("DELETE", location).status_code == 204
    assert refusal(here.send("PATCH", location, data=b"x"))[:2] == (404, "BLOB_UPLOAD_UNKNOWN")


def test_bytes_in_files_are_read_for_their_hash_only_after_another_node_has_written(start_nodes):
    here, there = (Docker(node) for node in start_nodes().emulators)
    here.ecr.create_repository(repositoryName="team/app")
    location = here.begin()
    with patch.object(hashlib, "file_digest", wraps=hashlib.file_digest) as hashed:
        for client, expected in ((here, 1), (here, 1), (there, 2), (there, 2), (here, 3), (here, 3)):
            client.send("PATCH", location, data=b"x" * 10)
            assert hashed.call_count == expected


def test_the_bytes_of_a_failed_request_do_not_count_on_any_node(clients, nodes):
    here, there = clients
    location = here.begin()
    here.send("PATCH", location, data=BLOB.raw[:1000])
    with patch.object(nodes.emulators[0].services.store, "writing", side_effect=OSError):
        assert here.send("PATCH", location, data=b"x" * 1000).status_code == 500
    assert there.send("PATCH", location, data=BLOB.raw[1000:2000]).status_code == 202
    assert here.send("PUT", f"{location}?digest={BLOB.digest}", data=BLOB.raw[2000:]).status_code == 201
    assert there.get(f"/v2/team/app/blobs/{BLOB.digest}").data == BLOB.raw


def test_a_saved_state_that_another_node_loads_counts_as_written(nodes, clients):
    here, there = clients
    assert here.http.post("/_ecr/clock", json={"freeze": True}).status_code == 200
    location = here.begin()
    saved = nodes.emulators[0].snapshots.take()
    assert there.send("PATCH", location, data=b"lost").status_code == 202
    nodes.emulators[0].snapshots.restore(saved)
    assert here.send("PATCH", location, data=b"kept").status_code == 202
    digest = f"sha256:{hashlib.sha256(b'kept').hexdigest()}"
    assert there.send("PUT", f"{location}?digest={digest}").status_code == 201


@contextmanager
def slow_chunk(node, location, data):
    """Let a node receive a chunk whose last byte comes at the end of the block."""
    reached, goes_on = Event(), Event()

    def pieces():
        yield data[:-1]
        reached.set()
        assert goes_on.wait(20)
        yield data[-1:]

    registry, upload = Registry(ACCOUNT, "us-east-1"), location.rpartition("/")[2]
    sending = Thread(target=node.services.uploads.append, args=(registry, "team/app", upload, pieces()))
    sending.start()
    try:
        assert reached.wait(20)
        yield
    finally:
        goes_on.set()
        sending.join()


def test_one_node_at_a_time_continues_a_session(nodes, clients, monkeypatch):
    monkeypatch.setattr(upload_sessions, "PATIENCE", 0.05)
    here, there = clients
    location = here.begin()
    with slow_chunk(nodes.emulators[0], location, b"slow"):
        refused = [there.send(method, location, data=b"x") for method in ("PATCH", "DELETE")]
        assert [(each.status_code, each.headers["Retry-After"]) for each in refused] == [(503, "1")] * 2
    assert there.get(location).headers["Range"] == "0-3"
    assert there.send("PATCH", location, data=b"x").headers["Range"] == "0-4"


def test_a_request_waits_for_another_node_s_turn(nodes, clients):
    here, there = clients
    location = here.begin()
    waiting = Thread(target=lambda: there.send("PATCH", location, data=b"then"))
    with slow_chunk(nodes.emulators[0], location, b"first"):
        waiting.start()
    waiting.join()
    digest = f"sha256:{hashlib.sha256(b'firstthen').hexdigest()}"
    assert here.send("PUT", f"{location}?digest={digest}").status_code == 201
