"""A front before a server: what it does to the bytes of connections."""

import socket
from contextlib import closing
from threading import Thread

import pytest

from scripts.torture.fronts import Front, to_port


def echo(listener):
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection):
    with connection:
        while piece := connection.recv(65_536):
            connection.sendall(piece)


@pytest.fixture
def front():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=echo, args=(listener,), daemon=True).start()
        with closing(Front(to_port(listener.getsockname()[1]))) as before:
            yield before
        listener.shutdown(socket.SHUT_RDWR)


def connect(front, timeout=5):
    return socket.create_connection(("127.0.0.1", front.port), timeout=timeout)


def test_bytes_pass(front):
    with connect(front) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"


def test_a_pause_holds_bytes_back_and_loses_none(front):
    with connect(front, timeout=0.1) as client:
        front.pause()
        client.sendall(b"hello")
        with pytest.raises(TimeoutError):
            client.recv(100)
        front.heal()
        client.settimeout(5)
        assert client.recv(100) == b"hello"


def test_a_cut_ends_connections_and_new_ones(front):
    with connect(front) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
        front.cut()
        assert client.recv(100) == b""
    with connect(front) as client:
        assert client.recv(100) == b""
    front.heal()
    test_bytes_pass(front)


def test_it_answers_in_place_of_the_server(front):
    front.answer(b"HTTP/1.1 503 Slow Down\r\n\r\n")
    with connect(front) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 503 Slow Down\r\n\r\n"
    front.heal()
    test_bytes_pass(front)


def test_a_slow_front_loses_nothing(front):
    front.slow_down()
    with connect(front) as client:
        client.sendall(b"x" * 200_000)
        received = 0
        while received < 200_000:
            received += len(client.recv(65_536))


def test_a_connection_ends_if_the_server_does_not_accept_it():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with closing(Front(to_port(port))) as front, connect(front) as client:
        assert client.recv(100) == b""
