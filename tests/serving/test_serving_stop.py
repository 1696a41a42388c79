"""The stop of a server: transfers finish, connections are refused, signals are caught."""

import os
import signal
import socket
from http.client import HTTPConnection
from threading import Event, Thread, get_ident

import pytest

from ecr_emulator.serving.granian import GranianServer
from ecr_emulator.serving.listeners import listen
from ecr_emulator.serving.signals import catch_stop_signals
from ecr_emulator.serving.threaded import ThreadedServer

WAIT = 20


class TwoHalves:
    """An application that sends half of its answer, then waits to be allowed to go on."""

    def __init__(self):
        self.go_on = Event()
        self.closed = Event()

    def __call__(self, environ, start_response):
        start_response("200 OK", [("Content-Length", "10")])
        return self.body()

    def body(self):
        try:
            yield b"first"
            self.go_on.wait(WAIT)
            yield b"after"
        finally:
            self.closed.set()


@pytest.fixture
def app():
    app = TwoHalves()
    yield app
    app.go_on.set()


def half_answered(port, host="127.0.0.1"):
    connection = HTTPConnection(host, port, timeout=WAIT)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.read(5) == b"first"
    return connection, answer


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_granian_answers_on_every_listener(app, host):
    app.go_on.set()
    server = GranianServer(app, listen(["127.0.0.1", "::1"], 0), threads=4)
    server.start()
    connection, answer = half_answered(server.port, host)
    assert answer.read() == b"after"
    connection.close()
    assert server.stop(WAIT)


def test_a_transfer_under_way_is_finished_while_nothing_new_is_accepted(app):
    server = GranianServer(app, listen(["127.0.0.1", "::1"], 0), threads=4)
    server.start()
    connection, answer = half_answered(server.port)
    assert not server.stop(0)
    refused_on_both(server.port)
    app.go_on.set()
    assert answer.read() == b"after"
    assert server.stop(WAIT)
    connection.close()


def refused_on_both(port):
    for host in ("127.0.0.1", "::1"):
        with pytest.raises(ConnectionError):
            connect_for_ever(host, port)


def connect_for_ever(host, port):
    while True:  # the listener closes a moment after it is told to
        socket.create_connection((host, port), timeout=WAIT).close()


def test_a_connection_that_only_waits_does_not_hold_the_server_up(app):
    app.go_on.set()
    server = GranianServer(app, listen(["127.0.0.1"], 0), threads=4)
    server.start()
    connection, answer = half_answered(server.port)
    assert answer.read() == b"after"
    assert server.stop(WAIT)
    connection.close()


def test_a_threaded_server_may_be_stopped_again_and_before_it_starts(app):
    server = ThreadedServer(app)
    server.stop()
    server.stop()
    with ThreadedServer(app) as server:
        server.stop()
        with pytest.raises(ConnectionError):
            socket.create_connection(("127.0.0.1", server.port), timeout=WAIT)


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
def test_a_threaded_server_knows_its_address(app, host, url):
    app.go_on.set()
    with ThreadedServer(app, host) as server:
        assert server.url == f"{url}{server.port}"
        connection, answer = half_answered(server.port, host)
        assert answer.read() == b"after"
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_sets_the_flag_and_the_second_has_its_default_effect(number):
    before = signal.getsignal(number)
    with catch_stop_signals() as stopped:
        assert not stopped.is_set()
        os.kill(os.getpid(), number)
        assert stopped.wait(WAIT)
        assert signal.getsignal(number) == signal.SIG_DFL
    assert signal.getsignal(number) == before


def test_a_signal_to_another_thread_also_ends_the_wait():
    """The system chooses the thread, and does not always choose the one that waits."""

    def get_it():
        Event().wait(0.05)  # by then the main thread waits
        signal.pthread_kill(get_ident(), signal.SIGTERM)

    with catch_stop_signals() as stopped:
        thread = Thread(target=get_it)
        thread.start()
        assert stopped.wait(WAIT)
        thread.join()
