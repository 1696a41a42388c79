"""The pulse of a server: small requests that no application sees, on a connection that is opened again when it ends."""

import socket

import pytest

from ecr_emulator.serving.pulse import REQUEST, Pulse
from tests.support.servers import WAIT, connected, granian_server

INTERVAL = 0.01


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WAIT)
        pulse = Pulse([lambda: socket.create_connection(listener.getsockname(), WAIT)], INTERVAL)
        pulse.start()
        yield listener
        pulse.stop()


def test_requests_come_again_and_again_on_one_connection(listener):
    with listener.accept()[0] as connection:
        connection.settimeout(WAIT)
        received = b""
        while len(received) < 3 * len(REQUEST):
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            received += connection.recv(len(REQUEST))
    assert received == 3 * REQUEST


def test_a_connection_that_has_ended_is_opened_again(listener):
    for _ in range(2):
        with listener.accept()[0] as connection:
            connection.settimeout(WAIT)
            assert connection.recv(len(REQUEST)) == REQUEST


def test_a_server_answers_a_pulse_itself(app):
    with granian_server(app) as port, connected(port) as wire:
        wire.connection.sendall(REQUEST)
        assert wire.head()[0] == 204
        wire.send("GET / HTTP/1.1", "Host: x")
        assert wire.response() == (200, b"hello")
    assert [method for method, *_ in app.seen.queue] == ["GET"]
