"""Clients of HTTP/1.0 need no Host header: URLs in responses lead to the address that they connected to."""

from threading import Event
from urllib.parse import urlsplit

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import layer
from tests.support.docker import Docker
from tests.support.servers import TlsPort, connected

BLOB = layer("blob", 1_000)


class Served:
    """An emulator with the interface that the servers of these tests need."""

    def __init__(self, emulator):
        self.go_on = Event()
        self._wsgi = emulator.wsgi

    def __call__(self, environ, start_response):
        return self._wsgi(environ, start_response)


@pytest.fixture
def docker():
    with Emulator(Settings()) as emulator:
        docker = Docker(emulator)
        docker.ecr.create_repository(repositoryName="team/app")
        yield docker


@pytest.fixture
def port(serve, docker):
    with serve(Served(docker.emulator)) as port:
        yield port


def ask(port, request, *headers, host="127.0.0.1", body=b""):
    """Return status and headers of the answer to an HTTP/1.0 request."""
    with connected(port, host) as wire:
        wire.send(f"{request} HTTP/1.0", *headers, f"Content-Length: {len(body)}", body=body)
        return wire.head()


@pytest.mark.parametrize("host", [(), ("Host:",)], ids=["no host", "an empty one"])
def test_a_blob_is_pushed_to_where_the_answer_says(docker, port, host):
    login = f"Authorization: Basic {docker.token}"
    status, headers = ask(port, "POST /v2/team/app/blobs/uploads/", login, *host)
    session = urlsplit(headers["location"])
    scheme = "https" if isinstance(port, TlsPort) else "http"
    assert (status, session.scheme, session.netloc) == (202, scheme, f"127.0.0.1:{int(port)}")
    status, headers = ask(port, f"PUT {session.path}?digest={BLOB.digest}", login, *host, body=BLOB.raw)
    assert (status, headers["location"]) == (
        201, f"{scheme}://127.0.0.1:{int(port)}/v2/team/app/blobs/{BLOB.digest}"
    )  # fmt: skip


def test_the_address_to_sign_in_at_is_the_address_of_the_request(port):
    status, headers = ask(port, "GET /v2/")
    assert status == 401
    assert f'://127.0.0.1:{int(port)}/"' in headers["www-authenticate"]
