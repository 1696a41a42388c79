"""An emulator that is killed during a push: all confirmed bytes are stored, and no others."""

import os
import signal
import socket
from urllib.parse import urlsplit

import boto3
import requests

from ecr_emulator.domain.names import digest_of
from ecr_emulator.testing.upstream.images import layer
from tests.support.processes import serving

FIRST = 500_000
"""Bytes that the emulator has confirmed."""
PIECE = 262_144
OFFSETS = (0, 1, PIECE, 2_000_000, 2_499_999)
"""Number of further bytes that have been sent when the emulator is killed."""
ARGUMENTS = ("--port", "0", "--data-dir", "state")


class Client:
    """A registry client of an emulator that may be killed."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.ecr = boto3.client("ecr", endpoint_url=emulator.url, region_name="us-east-1",
                                aws_access_key_id="123456789012", aws_secret_access_key="any")  # fmt: skip
        self.token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]

    def send(self, method, path, **how):
        headers = {"Authorization": f"Basic {self.token}"}
        return requests.request(method, f"{self.emulator.url}{urlsplit(path).path}", headers=headers, timeout=20, **how)

    def begin_chunk(self, location, announced, sent):
        """Send the head of a PATCH and some of its bytes, and leave the connection open."""
        connection = socket.create_connection(("127.0.0.1", self.emulator.port), timeout=20)
        head = (
            f"PATCH {urlsplit(location).path} HTTP/1.1\r\nHost: {self.emulator.host}\r\n"
            f"Authorization: Basic {self.token}\r\nContent-Length: {announced}\r\n\r\n"
        )
        connection.sendall(head.encode() + sent)
        return connection


class Push:
    """A push of a layer of its own in two chunks. The second chunk breaks off after ``offset`` bytes."""

    def __init__(self, client, offset):
        self.blob = layer(f"killed after {offset}", 3_000_000)
        self.location = client.send("POST", "/v2/app/blobs/uploads/").headers["Location"]
        assert client.send("PATCH", self.location, data=self.blob.raw[:FIRST]).status_code == 202
        self.sent = FIRST + offset
        self.connection = client.begin_chunk(self.location, self.blob.size - FIRST, self.blob.raw[FIRST : self.sent])

    def wait_until_written(self, folder):
        """Wait until the server has written all complete pieces of 256 KiB to the disk, unconfirmed."""
        file = folder / "state" / "ingest" / self.location.rpartition("/")[2]
        while file.stat().st_size < FIRST + (self.sent - FIRST) // PIECE * PIECE:
            os.sched_yield()

    def resume(self, client):
        """Continue the push where the emulator says that it stopped, to its end."""
        assert client.send("GET", f"/v2/app/blobs/{self.blob.digest}").status_code == 404
        assert client.send("GET", self.location).headers["Range"] == f"0-{FIRST - 1}"
        assert client.send("PATCH", self.location, data=self.blob.raw[FIRST:]).status_code == 202
        answer = client.send("PUT", self.location, params={"digest": self.blob.digest})
        assert answer.status_code == 201, answer.text
        assert digest_of(client.send("GET", f"/v2/app/blobs/{self.blob.digest}").content) == self.blob.digest


def test_pushes_continue_after_a_kill_at_any_byte(tmp_path):
    with serving(tmp_path, *ARGUMENTS) as emulator:
        client = Client(emulator)
        client.ecr.create_repository(repositoryName="app")
        pushes = [Push(client, offset) for offset in OFFSETS]
        for push in pushes:
            push.wait_until_written(tmp_path)
        emulator.stop(signal.SIGKILL)
        for push in pushes:
            push.connection.close()
    with serving(tmp_path, *ARGUMENTS) as emulator:
        client = Client(emulator)
        for push in pushes:
            push.resume(client)
        assert emulator.stop() == 0
