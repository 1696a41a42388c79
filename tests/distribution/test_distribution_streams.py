"""Bodies that arrive slowly or break off, and responses that fail before or after their first byte."""

import gc
import socket
import weakref
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.client import HTTPResponse, IncompleteRead
from io import BytesIO
from threading import Event
from urllib.parse import urlsplit

import pytest
from werkzeug.test import create_environ, run_wsgi_app

from ecr_emulator.emulator import Emulator
from ecr_emulator.serving.granian import GranianServer
from ecr_emulator.serving.listeners import listen
from ecr_emulator.serving.threaded import ThreadedServer
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.faults import answers
from ecr_emulator.testing.upstream.images import Content, image, layer
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.docker import Docker, refusal

BLOB = layer("blob", 400_000)
SECONDS = 10


@contextmanager
def threaded(app):
    with ThreadedServer(app) as server:
        yield server.port


@contextmanager
def granian(app):
    server = GranianServer(app, listen(["127.0.0.1"], 0), threads=8)
    server.start()
    try:
        yield server.port
    finally:
        assert server.stop(SECONDS)


@pytest.fixture(params=[threaded, granian])
def served(request, docker):
    """Return the port of the emulator. Each test runs with each of the two servers."""
    with request.param(docker.emulator.wsgi) as port:
        yield port


@contextmanager
def send_request(docker, port, request, *pieces, headers=()):
    """Send a request, its body in pieces, and yield the connection."""
    lines = [f"{request} HTTP/1.1", "Host: localhost:4566", f"Authorization: Basic {docker.token}"]
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        connection.sendall("\r\n".join([*lines, *headers, "", ""]).encode())
        with suppress(BrokenPipeError, ConnectionResetError):  # the server may answer before it has read everything
            for piece in pieces:
                connection.sendall(piece)
        yield connection


@contextmanager
def open_response(*request, headers=()):
    """Send a request and yield the response, whose body is not read yet."""
    with send_request(*request, headers=headers) as connection, HTTPResponse(connection) as answer:
        answer.begin()
        yield answer


def disconnect_early(*request, headers):
    """Send a request, disconnect before the end of its body, and wait until the server has noticed."""
    with send_request(*request, headers=headers) as connection:
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


def chunked(*parts):
    return [b"%x\r\n%s\r\n" % (len(part), part) for part in parts] + [b"0\r\n\r\n"]


def begin_upload(docker):
    return urlsplit(docker.begin()).path


@pytest.mark.parametrize("request_", ["PATCH {upload}", "PUT {upload}?digest=" + BLOB.digest])
def test_bytes_before_a_disconnect_are_kept_and_the_upload_continues(docker, served, request_):
    upload = begin_upload(docker)
    head = ["Content-Length: 400000"]
    disconnect_early(docker, served, request_.format(upload=upload), BLOB.raw[:150_000], headers=head)
    state = docker.get(upload)
    assert state.status_code == 204
    size = int(state.headers["Range"].removeprefix("0-")) + 1
    assert size <= 150_000
    rest = BLOB.raw[size:] if size > 1 else BLOB.raw
    assert docker.send("PUT", f"{upload}?digest={BLOB.digest}", data=rest).status_code == 201
    assert docker.get(f"/v2/team/app/blobs/{BLOB.digest}").data == BLOB.raw


def test_half_a_manifest_is_not_stored(docker, served):
    app = image()
    docker.push(app)
    padded = Content(app.raw + b" " * 1_000, app.media_type)
    head = [f"Content-Type: {app.media_type}", f"Content-Length: {padded.size}"]
    disconnect_early(docker, served, "PUT /v2/team/app/manifests/v1", app.raw, headers=head)
    assert docker.get("/v2/team/app/manifests/v1").status_code == 404
    with open_response(docker, served, "PUT /v2/team/app/manifests/v1", padded.raw, headers=head) as answer:
        assert answer.status == 201
    assert docker.get("/v2/team/app/manifests/v1").data == padded.raw


def test_a_body_without_length_arrives_whole(docker, served):
    upload = begin_upload(docker)
    pieces = chunked(BLOB.raw[:1], BLOB.raw[1:300_000], BLOB.raw[300_000:])
    with open_response(docker, served, f"PATCH {upload}", *pieces, headers=["Transfer-Encoding: chunked"]) as answer:
        assert (answer.status, answer.headers["Range"]) == (202, "0-399999")
    assert docker.send("PUT", f"{upload}?digest={BLOB.digest}").status_code == 201


def test_a_manifest_without_length_is_measured_while_it_arrives(docker, served):
    pieces = chunked(b" " * 3_000_000, b" " * 3_000_000)
    head = ["Transfer-Encoding: chunked"]
    with open_response(docker, served, "PUT /v2/team/app/manifests/v1", *pieces, headers=head) as answer:
        assert answer.status == 413
        assert b"SIZE_INVALID" in answer.read()


def test_a_disconnect_is_not_logged_as_an_error(docker, caplog):
    with threaded(docker.emulator.wsgi) as port:
        pieces = chunked(BLOB.raw[:100])[:-1]
        disconnect_early(docker, port, f"PATCH {begin_upload(docker)}", *pieces, headers=["Transfer-Encoding: chunked"])
    assert "failed" not in caplog.text


# --- From an upstream ---------------------------------------------------------------------------------------


@pytest.fixture
def upstream():
    with ScriptedUpstream() as registry:
        yield registry


@pytest.fixture
def through(upstream, tmp_path):
    """Return a client of an emulator with a pull through cache rule for ``quay/…``."""
    with Emulator(Settings(data_dir=tmp_path / "through", upstream_map={"quay.io": upstream.url})) as emulator:
        client = Docker(emulator)
        client.ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
        yield client


def pulled(through, app):
    answer = through.get("/v2/quay/app/manifests/v1")
    assert (answer.status_code, answer.data) == (200, app.raw)
    return f"/v2/quay/app/blobs/{app.layers[0].digest}"


def test_a_blob_that_the_upstream_lost_is_unknown(through, upstream):
    app = image(1, BLOB)
    upstream.add_image("app", app, "v1")
    upstream.remove("app", BLOB.digest)
    assert refusal(through.get(pulled(through, app))) == (
        404,
        "BLOB_UNKNOWN",
        f"The layer with digest '{BLOB.digest}' does not exist",
    )


@pytest.mark.parametrize(
    ("status", "expected", "retry_after"),
    [(403, (403, "DENIED"), None), (429, (429, "TOOMANYREQUESTS"), "3600"), (503, (503, "UNKNOWN"), "3600")],
)
def test_an_upstream_that_fails_before_the_first_byte_is_an_error(through, upstream, status, expected, retry_after):
    app = image(1, BLOB)
    upstream.add_image("app", app, "v1")
    upstream.fail(f"/blobs/{BLOB.digest}", answers(status, Retry_After="3600"), count=99)
    answer = through.get(pulled(through, app))
    assert refusal(answer)[:2] == expected
    assert answer.headers.get("Retry-After") == retry_after


@pytest.mark.parametrize("server", [threaded, granian])
def test_an_upstream_that_fails_after_the_first_byte_ends_the_response_early(through, upstream, server):
    app = image(1, BLOB)
    upstream.add_image("app", app, "v1")
    wrong = BLOB.raw[:-1] + bytes([BLOB.raw[-1] ^ 1])
    go_on = Event()

    def wrong_in_the_end(_, reply):
        return replace(reply, body=wrong, waits_for=go_on, waits_at=300_000)

    upstream.fail(f"/blobs/{BLOB.digest}", wrong_in_the_end, count=99)
    path = pulled(through, app)
    with server(through.emulator.wsgi) as port, open_response(through, port, f"GET {path}") as answer:
        assert (answer.status, answer.headers["Content-Length"]) == (200, "400000")
        first = answer.read(1_000)
        go_on.set()
        with pytest.raises(IncompleteRead) as broken:
            answer.read()
    got = first + broken.value.partial
    assert got == BLOB.raw[: len(got)]
    assert through.emulator.services.blobs.size(BLOB.digest) is None


def test_a_head_of_a_blob_asks_no_upstream(through, upstream):
    app = image(1, BLOB)
    upstream.add_image("app", app, "v1")
    upstream.fail("/blobs/", answers(404), count=99)
    path = pulled(through, app)
    assert through.emulator.settle(SECONDS)
    before = upstream.count(None, "/blobs/")
    answer = through.send("HEAD", path)
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, "400000")
    assert upstream.count(None, "/blobs/") == before


def test_the_body_of_a_request_is_freed_with_its_answer(docker):
    """Garbage collection must not be needed: until it runs, the bodies of many chunks would pile up."""

    class Body(BytesIO):
        """A body that can be referred to weakly."""

    location = docker.begin()
    body = Body(b"chunk")
    headers = {"Authorization": f"Basic {docker.token}"}
    environ = create_environ(urlsplit(location).path, method="PATCH", input_stream=body, headers=headers)
    environ["CONTENT_LENGTH"] = "5"
    alive = weakref.ref(body)
    gc.disable()
    try:
        run_wsgi_app(docker.emulator.wsgi, environ)
        del body, environ
        assert alive() is None
    finally:
        gc.enable()
