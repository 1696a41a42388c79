"""A node that is killed in the middle of a chunk: the upload goes on in another node, from the last confirmed byte."""

import signal
from contextlib import closing
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


def test_an_upload_goes_on_after_its_node_was_killed_in_the_middle_of_a_chunk(databases, tmp_path):
    with node_processes(databases(), tmp_path, "--registry-auth", "open") as nodes:
        one, other = nodes.start(), nodes.start()
        client_at(one.url, account=ACCOUNT).create_repository(repositoryName="team/app")
        session = path_of(requests.post(f"{one.url}/v2/team/app/blobs/uploads/", timeout=20))
        first = requests.patch(one.url + session, data=BLOB.raw[:CONFIRMED], timeout=20)
        assert first.status_code == 202
        with closing(HTTPConnection("127.0.0.1", one.port, timeout=20)) as connection:
            connection.putrequest("PATCH", session)
            connection.putheader("Content-Length", str(BLOB.size - CONFIRMED))
            connection.endheaders(b"x" * CONFIRMED)
            [written] = (tmp_path / "blobs" / "ingest").iterdir()
            until(lambda: written.stat().st_size > CONFIRMED)
            one.stop(signal.SIGKILL)
        assert requests.get(other.url + session, timeout=20).headers["Range"] == f"0-{CONFIRMED - 1}"
        rest = {"data": BLOB.raw[CONFIRMED:], "params": {"digest": BLOB.digest}}
        assert requests.put(other.url + session, **rest, timeout=20).status_code == 201
        assert requests.get(f"{other.url}/v2/team/app/blobs/{BLOB.digest}", timeout=20).content == BLOB.raw
        assert list((tmp_path / "blobs" / "ingest").iterdir()) == []


def path_of(answer):
    assert answer.status_code == 202
    return urlsplit(answer.headers["Location"]).path
