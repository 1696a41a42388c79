"""The contract that every server keeps, tested over a raw socket."""

import socket
import struct
import threading
from contextlib import suppress

import pytest

from tests.support.servers import CLOSED, WAIT, connected


def test_head_keeps_content_length_and_sends_no_body(port):
    with connected(port) as wire:
        wire.send("HEAD / HTTP/1.1", "Host: x", "Connection: close")
        status, headers = wire.head()
        assert (status, headers["content-length"], wire.file.read()) == (200, "5", b"")


def test_the_path_arrives_decoded_and_the_query_as_sent(port, app):
    with connected(port) as wire:
        wire.send("GET /caf%C3%A9%20au?a=%20b HTTP/1.1", "Host: x", "Connection: close")
        wire.response()
    assert app.seen.get(timeout=WAIT) == ("GET", "/caf\u00c3\u00a9 au", "a=%20b")


def test_a_declared_body_arrives(port):
    body = b"x" * 300_000
    with connected(port) as wire:
        wire.send("PUT /declared HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", body=body)
        assert wire.response() == (200, body)


def test_a_chunked_body_can_be_read_whole(port):
    with connected(port) as wire:
        wire.send("POST /whole HTTP/1.1", "Host: x", "Transfer-Encoding: chunked")
        for chunk in (b"first", b"last.", b""):
            wire.chunk(chunk)
        assert wire.response() == (200, b"firstlast.")


def test_a_chunked_body_arrives_as_a_stream(port, app):
    with connected(port) as wire:
        wire.send("PATCH /echo HTTP/1.1", "Host: x", "Transfer-Encoding: chunked")
        wire.chunk(b"first")
        assert app.seen.get(timeout=WAIT) == b"first"
        wire.chunk(b"then ")
        assert app.seen.get(timeout=WAIT) == b"then "
        wire.chunk(b"last.")
        wire.chunk(b"")
        assert wire.response() == (200, b"firstthen last.")


def test_a_client_that_expects_100_continue_gets_it_once(port):
    with connected(port) as wire:
        wire.send("PUT /declared HTTP/1.1", "Host: x", "Content-Length: 5", "Expect: 100-continue")
        assert wire.head()[0] == 100
        wire.connection.sendall(b"hello")
        assert wire.response() == (200, b"hello")


def test_an_answer_without_length_is_chunked(port):
    with connected(port) as wire:
        wire.send("GET /unmeasured HTTP/1.1", "Host: x", "Connection: close")
        assert wire.head()[1]["transfer-encoding"] == "chunked"
        assert wire.file.read() == b"4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n"


def test_the_first_bytes_leave_before_the_last_are_made(port, app):
    with connected(port) as wire:
        wire.send("GET /slow HTTP/1.1", "Host: x")
        wire.head()
        assert wire.file.read(5) == b"first"
        app.go_on.set()
        assert wire.file.read(5) == b"after"
    assert app.closed.get(timeout=WAIT)


def test_a_piece_without_bytes_sends_the_headers(port, app):
    with connected(port) as wire:
        wire.send("GET /late HTTP/1.1", "Host: x")
        assert wire.head()[0] == 200
        app.go_on.set()
        assert wire.file.read(5) == b"after"


def test_the_body_is_closed_when_the_client_leaves(port, app):
    with connected(port) as wire:
        wire.send("GET /endless HTTP/1.1", "Host: x")
        wire.head()
    assert app.closed.get(timeout=WAIT)


def test_the_body_is_closed_when_the_connection_is_reset(port, app):
    with connected(port) as wire:
        wire.send("GET /endless HTTP/1.1", "Host: x")
        wire.head()
        wire.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert app.closed.get(timeout=WAIT)


def test_the_next_request_is_not_mistaken_for_an_unread_body(port):
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    with connected(port) as wire:
        wire.send("POST /ignore HTTP/1.1", "Host: x", f"Content-Length: {len(smuggled)}", body=smuggled)
        _, headers = wire.head()
        assert wire.file.read(2) == b"ok"
        assert headers.get("connection") == "close" or next_answer(wire) in (None, (200, b"hello"))


def test_a_large_unread_body_ends_in_an_answer_or_a_closed_connection(port):
    body = bytes(4 << 20)
    with connected(port) as wire:
        wire.send("POST /ignore HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", "Connection: close")
        with_body(wire, body)
        assert next_answer(wire, sends=False) in (None, (202, b"ok"))


def with_body(wire, body):
    with suppress(*CLOSED):
        wire.connection.sendall(body)


def next_answer(wire, sends=True):
    """Return the answer to one more request on the connection; None if the server has closed it."""
    try:
        if sends:
            wire.send("GET / HTTP/1.1", "Host: x")
        return wire.response()
    except (*CLOSED, KeyError):
        return None


@pytest.mark.parametrize(
    "lines", [["X: " + "x" * 1_000_000], [f"X-{number}: x" for number in range(20_000)]], ids=["one long", "many"]
)
def test_oversized_headers_are_refused_and_other_clients_are_served(port, app, lines):
    with connected(port) as wire, suppress(*CLOSED):
        wire.send("GET /huge HTTP/1.1", "Host: x", *lines)
        assert wire.head()[0] in (431, None)
    with connected(port) as wire:
        wire.send("GET /small HTTP/1.1", "Host: x", "Connection: close")
        assert wire.response() == (200, b"hello")
    assert app.seen.get(timeout=WAIT) == ("GET", "/small", "")


def test_many_connections_are_served_at_once(port, app):
    answered = []

    def ask():
        with connected(port) as wire:
            wire.send("GET /slow HTTP/1.1", "Host: x")
            wire.head()
            wire.file.read(5)
            answered.append(1)
            started.release()
            wire.file.read(5)

    started = threading.Semaphore(0)
    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert started.acquire(timeout=WAIT)
    app.go_on.set()
    for thread in threads:
        thread.join(WAIT)
    assert len(answered) == 16
