"""An emulator that is killed in the middle of a push: what it was told is there, and nothing else is."""

import signal
import socket
from urllib.parse import urlsplit

import boto3
import pytest
import requests

from ecr_emulator.domain.names import digest_of
from tests.support.processes import serving
from tests.support.upstream_images import layer

BLOB = layer("killed", 3_000_000)
ARGUMENTS = ("--port", "0", "--data-dir", "state")


class Client:
    """A registry client of an emulator that may die."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.ecr = boto3.client("ecr", endpoint_url=emulator.url, region_name="us-east-1",
                                aws_access_key_id="123456789012", aws_secret_access_key="any")  # fmt: skip
        self.token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]

    def send(self, method, path, **how):
        headers = {"Authorization": f"Basic {self.token}"}
        return requests.request(method, f"{self.emulator.url}{urlsplit(path).path}", headers=headers, timeout=20, **how)

    def begin_chunk(self, location, announced, sent):
        """Send the head of a PATCH and some of its bytes, and leave the connection as it is."""
        connection = socket.create_connection(("127.0.0.1", self.emulator.port), timeout=20)
        head = (
            f"PATCH {urlsplit(location).path} HTTP/1.1\r\nHost: {self.emulator.host}\r\n"
            f"Authorization: Basic {self.token}\r\nContent-Length: {announced}\r\n\r\n"
        )
        connection.sendall(head.encode() + sent)
        return connection


def until_written(folder, number):
    """Wait until so many bytes of the upload are on the disk."""
    (file,) = (folder / "state" / "ingest").iterdir()
    while file.stat().st_size < number:
        assert file.exists()


@pytest.mark.parametrize("offset", [0, 1, 1_048_576, 2_000_000, 2_499_999])
def test_a_push_goes_on_after_a_kill_at_any_byte(tmp_path, offset):
    first = BLOB.raw[:500_000]
    with serving(tmp_path, *ARGUMENTS) as emulator:
        client = Client(emulator)
        client.ecr.create_repository(repositoryName="app")
        location = client.send("POST", "/v2/app/blobs/uploads/").headers["Location"]
        assert client.send("PATCH", location, data=first).status_code == 202
        rest = BLOB.raw[len(first) :]
        with client.begin_chunk(location, len(rest), rest[:offset]):
            # The server writes whole pieces of a mebibyte; those that came are on the disk, and nobody knows of them.
            until_written(tmp_path, len(first) + min(offset, len(rest)) // 1_048_576 * 1_048_576)
            emulator.stop(signal.SIGKILL)
    with serving(tmp_path, *ARGUMENTS) as emulator:
        client = Client(emulator)
        assert client.send("GET", f"/v2/app/blobs/{BLOB.digest}").status_code == 404
        assert client.send("GET", location).headers["Range"] == f"0-{len(first) - 1}"
        assert client.send("PATCH", location, data=BLOB.raw[len(first) :]).status_code == 202
        answer = client.send("PUT", location, params={"digest": BLOB.digest})
        assert answer.status_code == 201, answer.text
        assert digest_of(client.send("GET", f"/v2/app/blobs/{BLOB.digest}").content) == BLOB.digest
        assert emulator.stop() == 0
