"""A client of the torture programs: it goes on with connections that the emulator has ended."""

import gc
import socket
import warnings
from contextlib import closing
from threading import Event, Thread

import pytest

from scripts.torture.clients import Client, NotReached

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@pytest.fixture
def served():
    """A server that ends each connection after one answer: its port, and an event for each end."""
    ends = [Event(), Event()]

    def serve(listener):
        for end in ends:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(ANSWER)
            end.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Thread(target=serve, args=(listener,), daemon=True)
        server.start()
        yield listener.getsockname()[1], ends
        server.join(10)


def test_a_connection_that_was_ended_is_closed_and_opened_again(served):
    port, ends = served
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        with closing(Client(lambda: [port], [])) as client:
            for end in ends:
                assert client.admin("GET", "health").body == b"hi"
                assert end.wait(10)
        gc.collect()
    assert not [str(each.message) for each in told if each.category is ResourceWarning]


def test_nobody_at_a_port_is_told_apart_from_no_answer():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with closing(Client(lambda: [port], [])) as client, pytest.raises(NotReached, match=str(port)):
        client.admin("GET", "health")
