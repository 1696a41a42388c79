"""Nodes that are killed, or stand still, in the middle of a chunk: the upload goes on in another node."""

import signal
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import requests

from ecr_emulator.testing.upstream.images import layer
from tests.support.boto import client_at
from tests.support.nodes import ACCOUNT, node_processes
from tests.support.programs import until

pytestmark = pytest.mark.journey
CONFIRMED = 1 << 20
BLOB = layer("blob", 3 << 20)
BUSY = "another node has not finished its request on this upload; try again later"


@pytest.fixture
def nodes(databases, tmp_path):
    """Yield the processes of nodes, none of which runs yet."""
    with node_processes(databases(), tmp_path, "--registry-auth", "open") as nodes:
        yield nodes


@pytest.fixture
def bucket(moto_s3):
    """The URL of a bucket."""
    return moto_s3.new_url()


@pytest.fixture
def nodes_on_s3(databases, tmp_path, bucket):
    """Yield the processes of nodes whose blobs are in S3, none of which runs yet."""
    with node_processes(databases(), tmp_path, "--registry-auth", "open", blobs=bucket) as nodes:
        yield nodes


@contextmanager
def receiving(node, folder):
    """Let a node confirm a first chunk and receive a part of the next one; yield the session and the connection."""
    client_at(node.url, account=ACCOUNT).create_repository(repositoryName="team/app")
    session = path_of(requests.post(f"{node.url}/v2/team/app/blobs/uploads/", timeout=20))
    first = requests.patch(node.url + session, data=BLOB.raw[:CONFIRMED], timeout=20)
    assert first.status_code == 202
    with closing(HTTPConnection("127.0.0.1", node.port, timeout=20)) as connection:
        connection.putrequest("PATCH", session)
        connection.putheader("Content-Length", str(BLOB.size - CONFIRMED))
        connection.endheaders(BLOB.raw[CONFIRMED : 2 * CONFIRMED])
        until(lambda: any(each.stat().st_size > CONFIRMED for each in folder.rglob("ingest/*")))
        yield session, connection


def finish(node, session, rest):
    return requests.put(node.url + session, data=rest, params={"digest": BLOB.digest}, timeout=20)


def require_whole(node, folder):
    assert requests.get(f"{node.url}/v2/team/app/blobs/{BLOB.digest}", timeout=20).content == BLOB.raw
    assert list((folder / "blobs" / "ingest").iterdir()) == []


def test_an_upload_goes_on_after_its_node_was_killed_in_the_middle_of_a_chunk(nodes, tmp_path):
    one, other = nodes.start(), nodes.start()
    with receiving(one, tmp_path) as (session, _):
        one.stop(signal.SIGKILL)
    assert requests.get(other.url + session, timeout=20).headers["Range"] == f"0-{CONFIRMED - 1}"
    assert finish(other, session, BLOB.raw[CONFIRMED:]).status_code == 201
    require_whole(other, tmp_path)


def test_a_node_that_stood_still_while_its_locks_ended_mixes_no_bytes(nodes, tmp_path, postgres):
    one, other = nodes.start(), nodes.start()
    with receiving(one, tmp_path) as (session, connection):
        one.process.send_signal(signal.SIGSTOP)
        postgres.stop()
        postgres.start()
        until(lambda: BUSY in finish(other, session, b"x" * 2 * CONFIRMED).text)
        one.process.send_signal(signal.SIGCONT)
        connection.send(BLOB.raw[2 * CONFIRMED :])
        assert connection.getresponse().headers["Range"] == f"0-{BLOB.size - 1}"
    assert finish(other, session, b"").status_code == 201
    require_whole(other, tmp_path)


def test_an_upload_in_s3_goes_on_after_its_node_was_killed_in_the_middle_of_a_chunk(nodes_on_s3, tmp_path):
    one, other = nodes_on_s3.start(), nodes_on_s3.start()
    with receiving(one, tmp_path) as (session, _):
        one.stop(signal.SIGKILL)
    assert requests.get(other.url + session, timeout=20).headers["Range"] == f"0-{CONFIRMED - 1}"
    assert finish(other, session, BLOB.raw[CONFIRMED:]).status_code == 201
    assert requests.get(f"{other.url}/v2/team/app/blobs/{BLOB.digest}", timeout=20).content == BLOB.raw


def test_a_node_that_stood_still_spoils_no_upload_in_s3_that_another_has_ended(
    nodes_on_s3, tmp_path, postgres, moto_s3, bucket
):
    one, other = nodes_on_s3.start(), nodes_on_s3.start()
    with receiving(one, tmp_path) as (session, connection):
        one.process.send_signal(signal.SIGSTOP)
        postgres.stop()
        postgres.start()
        until(lambda: finish(other, session, BLOB.raw[CONFIRMED:]).status_code == 201)
        one.process.send_signal(signal.SIGCONT)
        connection.send(b"x" * (BLOB.size - 2 * CONFIRMED))
        assert connection.getresponse().status == 404
    assert requests.get(f"{other.url}/v2/team/app/blobs/{BLOB.digest}", timeout=20).content == BLOB.raw
    requests.post(f"{other.url}/_ecr/gc", json={}, timeout=20).raise_for_status()
    keys = [each["Key"] for each in moto_s3.client.list_objects_v2(Bucket=urlsplit(bucket).netloc)["Contents"]]
    assert [key for key in keys if "/uploads/" in key] == []


def path_of(answer):
    assert answer.status_code == 202
    return urlsplit(answer.headers["Location"]).path
