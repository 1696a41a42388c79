"""Clients that stop in the middle of a body or of an answer are disconnected, and their threads are free again."""

import logging
import socket
import time
from functools import partial

import pytest

from tests.support.servers import WAIT, connected, granian_server, tls_server, two_protocol_server, until_closed

STALL_SECONDS = 0.5


@pytest.fixture(params=["granian", "http-of-two", "https-of-two"])
def port(request, app):
    if request.param == "granian":
        serve = granian_server
    else:
        certificate = request.getfixturevalue("certificate")
        serve = two_protocol_server if request.param == "http-of-two" else tls_server
        serve = partial(serve, certificate=certificate)
    with serve(app, stall_seconds=STALL_SECONDS) as port:
        yield port


@pytest.mark.parametrize("head", ["Content-Length: 10", "Transfer-Encoding: chunked"])
def test_a_client_that_sends_half_a_body_is_disconnected(port, app, caplog, head):
    caplog.set_level(logging.WARNING)
    with connected(port) as wire:
        wire.send("PATCH /echo HTTP/1.1", "Host: x", head)
        wire.chunk(b"hello") if "chunked" in head else wire.connection.sendall(b"hello")
        assert app.seen.get(timeout=WAIT) == b"hello"
        assert b" 200 " not in until_closed(wire)
    assert "PATCH /echo was cut off: its body made no progress for 0.5 seconds" in caplog.text


def test_the_application_gets_the_bytes_that_came_and_then_an_error(port, app):
    with connected(port) as wire:
        wire.send("POST /until_it_breaks_off HTTP/1.1", "Host: x", "Content-Length: 1000000")
        wire.connection.sendall(bytes(100_000))
        until_closed(wire)
    assert app.seen.get(timeout=WAIT) == 100_000
    assert app.closed.get(timeout=WAIT)


QUICK_BYTES = 16 * 1024 + 64 * 1024
"""The first two reads of a quick body; the next one is of 256 KiB."""


@pytest.mark.parametrize("quick", [[], [QUICK_BYTES, *4 * [64 * 1024]]], ids=["slow", "quick at first"])
def test_a_slow_body_that_makes_progress_arrives(app, quick):
    sizes = [*quick, *14 * [20_000]]
    with granian_server(app, stall_seconds=3 * STALL_SECONDS) as port, connected(port) as wire:
        wire.send("PUT /declared HTTP/1.1", "Host: x", f"Content-Length: {sum(sizes)}")
        for size in sizes:
            wire.connection.sendall(bytes(size))
            time.sleep(STALL_SECONDS / 4)
        assert wire.response() == (200, bytes(sum(sizes)))


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux tells when a client does not read")
def test_a_client_that_does_not_read_is_disconnected(port, app):
    with connected(port) as wire:
        wire.send("GET /endless HTTP/1.1", "Host: x")
        assert wire.head()[0] == 200
        assert app.closed.get(timeout=WAIT)
