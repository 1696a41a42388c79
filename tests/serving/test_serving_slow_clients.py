"""Hundreds of clients that hardly read or write: other clients are served, and memory stays bounded."""

import re
import resource
import socket
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
import requests

from ecr_emulator.testing.upstream.images import image, layer
from tests.support.processes import serving

READERS = 100
WRITERS = 100
LARGE = layer("large", 32 * 1024 * 1024)
SMALL = image("small")
TIMEOUT = 60
"""Seconds after which a client counts as blocked; a busy machine needs long for so many threads."""
ALLOWED_GROWTH = (READERS + WRITERS) * 1536 * 1024
"""Bytes of memory for a few pieces of a blob, buffers and a thread for each slow client, whatever the blob's size."""


class Client:
    """A registry client of a running emulator."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.ecr = boto3.client("ecr", endpoint_url=emulator.url, region_name="us-east-1",
                                aws_access_key_id="123456789012", aws_secret_access_key="any")  # fmt: skip
        self.token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Basic {self.token}"

    def send(self, method, path, **how):
        answer = self.session.request(method, f"{self.emulator.url}{urlsplit(path).path}", timeout=TIMEOUT, **how)
        assert answer.ok, answer.text
        return answer

    def push_blob(self, blob):
        location = self.send("POST", "/v2/app/blobs/uploads/").headers["Location"]
        self.send("PUT", location, params={"digest": blob.digest}, data=blob.raw)

    def begin(self, method, path, length=0):
        """Send the head of a request on a new connection, without its body, and without reading the answer."""
        connection = socket.create_connection(("127.0.0.1", self.emulator.port), timeout=TIMEOUT)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self.emulator.host}\r\n"
            f"Authorization: Basic {self.token}\r\nContent-Length: {length}\r\n\r\n"
        )
        connection.sendall(head.encode())
        return connection


def resident(process):
    """Return the resident memory of a process in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


@pytest.fixture
def client(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2_048:
        pytest.skip(f"{hard} open files are too few for {READERS + WRITERS} connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2_048), hard))
    with serving(tmp_path, "--port", "0", "--shutdown-timeout", "0") as emulator:
        client = Client(emulator)
        client.ecr.create_repository(repositoryName="app")
        yield client
        emulator.stop()


@pytest.mark.slow
@pytest.mark.timeout(4 * TIMEOUT)
def test_hundreds_of_slow_clients_do_not_block_other_clients(client):
    for blob in (LARGE, *SMALL.blobs):
        client.push_blob(blob)
    before = resident(client.emulator.process)
    with ExitStack() as slow:
        for _ in range(READERS):
            reader = slow.enter_context(client.begin("GET", f"/v2/app/blobs/{LARGE.digest}"))
            assert reader.recv(12) == b"HTTP/1.1 200"
        for _ in range(WRITERS):
            location = client.send("POST", "/v2/app/blobs/uploads/").headers["Location"]
            writer = slow.enter_context(client.begin("PATCH", urlsplit(location).path, length=1_000_000))
            writer.sendall(b"1")
        client.send("PUT", "/v2/app/manifests/v1", data=SMALL.raw, headers={"Content-Type": SMALL.media_type})
        assert client.send("GET", "/v2/app/manifests/v1").content == SMALL.raw
        assert client.send("GET", f"/v2/app/blobs/{LARGE.digest}").content == LARGE.raw
        assert client.ecr.describe_images(repositoryName="app")["imageDetails"]
        grown = resident(client.emulator.process) - before
        assert grown < ALLOWED_GROWTH, f"{grown / 1024 / 1024:.0f} MiB"
