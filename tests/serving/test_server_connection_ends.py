"""The server notices every end of a connection: no thread is lost, and others are answered."""

import gc
import socket
import ssl
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

import pytest

from ecr_emulator.serving.listeners import listen
from ecr_emulator.serving.two_protocols import TwoProtocolServer
from tests.support.servers import WAIT, TlsPort, Wire, granian_server, two_protocol_server

THREADS = 2
CLIENTS = 2 * THREADS + 1
HELLO = bytes.fromhex("16030100c8010000c40303")
"""The first bytes of a TLS client."""


# --- Where a connection stands when it ends -------------------------------------------------------------------


def before_the_first_byte(wire, app):
    pass


def after_one_byte(wire, app):
    wire.connection.sendall(b"G")


def in_the_headers(wire, app):
    wire.connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-")


def in_a_measured_body(wire, app):
    wire.send("PUT /echo HTTP/1.1", "Host: x", "Content-Length: 5000000", body=bytes(70_000))


def in_a_chunked_body(wire, app):
    wire.send("PUT /echo HTTP/1.1", "Host: x", "Transfer-Encoding: chunked")
    wire.chunk(bytes(70_000))


def in_a_chunk(wire, app):
    wire.send("PUT /echo HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", body=b"ffff\r\nso little")


def in_an_unread_body(wire, app):
    wire.send("PUT /slow HTTP/1.1", "Host: x", "Content-Length: 50000000")
    wire.connection.setblocking(False)
    with suppress(OSError):
        while True:
            wire.connection.sendall(bytes(70_000))
    wire.connection.settimeout(WAIT)


def before_the_answer(wire, app):
    wire.send("GET /late HTTP/1.1", "Host: x")


def in_the_answer(wire, app):
    wire.send("GET /endless HTTP/1.1", "Host: x")
    wire.head()


def in_an_unread_answer(wire, app):
    wire.send("GET /endless HTTP/1.1", "Host: x")


def between_requests(wire, app):
    wire.send("GET / HTTP/1.1", "Host: x")
    assert wire.response() == (200, b"hello")


WITHOUT_A_THREAD = [before_the_first_byte, after_one_byte, in_the_headers, between_requests]
MOMENTS = [
    *WITHOUT_A_THREAD,
    in_a_measured_body,
    in_a_chunked_body,
    in_a_chunk,
    in_an_unread_body,
    before_the_answer,
    in_the_answer,
    in_an_unread_answer,
]


# --- How it ends ----------------------------------------------------------------------------------------------


def closed(connection):
    """Send FIN, and RST in reply to later bytes."""
    connection.close()


def reset(connection):
    """Send RST, as proxies and firewalls do."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def half_closed(connection):
    """Send FIN, keep reading for 0.05 seconds, and then close."""
    connection.settimeout(0.05)
    with suppress(OSError):  # the server may have been first
        socket.socket.shutdown(connection, socket.SHUT_WR)
        socket.socket.recv(connection, 1)
    connection.close()


ENDS = [closed, reset, half_closed]


# --- The servers, with few threads ----------------------------------------------------------------------------


@pytest.fixture(params=["granian", pytest.param("http-of-two", marks=pytest.mark.slow), "https-of-two"])
def ports(request, app, certificate):
    """Yield the port where connections end, and all ports where clients must be answered afterwards."""
    if request.param == "granian":
        with granian_server(app, THREADS) as port:
            yield port, [port]
        return
    with two_protocol_server(app, certificate, THREADS) as port:
        secure = TlsPort(port, ssl.create_default_context(cafile=certificate.authority))
        yield (port if request.param == "http-of-two" else secure), [port, secure]


@pytest.fixture(scope="module", autouse=True)
def only_what_these_tests_make_is_searched():
    """Exempt from garbage collection what other tests have left: each test here would take 0.3 seconds to search it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def nothing_is_left_behind(caplog):
    """Check that asyncio has logged nothing, such as lost tasks and exceptions that nothing retrieved."""
    yield
    gc.collect()
    assert not [record.getMessage() for record in caplog.records if record.name == "asyncio"]


@contextmanager
def talking(port):
    """Yield a connection; the test decides how it ends."""
    connection = socket.create_connection(("127.0.0.1", int(port)), timeout=WAIT)
    if isinstance(port, TlsPort):
        connection = port.context.wrap_socket(connection, server_hostname="localhost")
    with connection:
        yield Wire(connection)


def all_threads_answer(ports):
    """Check over each protocol that as many concurrent requests as there are threads are answered."""
    for port in ports:
        with ExitStack() as stack:
            wires = [stack.enter_context(talking(port)) for _ in range(THREADS)]
            for wire in wires:
                wire.send("GET /late HTTP/1.1", "Host: x")
            for wire in wires:
                assert wire.head()[0] == 200
                wire.file.close()
        with talking(port) as wire:
            wire.send("GET / HTTP/1.1", "Host: x", "Connection: close")
            assert wire.response() == (200, b"hello")
            wire.file.close()


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_other_clients_are_answered_after_clients_leave_at_any_moment(ports, app, moment, end):
    there, everywhere = ports
    with ExitStack() as stack:
        wires = [stack.enter_context(talking(there)) for _ in range(CLIENTS)]
        for wire in wires[:THREADS]:
            moment(wire, app)
        for wire in wires[THREADS:]:  # these requests may wait in the queue, if all threads are busy
            wire.send("GET /endless HTTP/1.1", "Host: x")
        for wire in wires:
            wire.file.close()
            end(wire.connection)
    app.go_on.set()
    all_threads_answer(everywhere)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("sent", [HELLO[:1], HELLO])
def test_other_clients_are_answered_after_clients_leave_in_the_handshake(ports, app, sent, end):
    there, everywhere = ports
    app.go_on.set()
    for _ in range(CLIENTS):
        connection = socket.create_connection(("127.0.0.1", int(there)), timeout=WAIT)
        connection.sendall(sent)
        end(connection)
    all_threads_answer(everywhere)


@pytest.mark.parametrize("moment", WITHOUT_A_THREAD)
def test_silent_clients_do_not_block_other_clients(ports, app, moment):
    there, everywhere = ports
    app.go_on.set()
    with ExitStack() as stack:
        for _ in range(20 * THREADS):
            wire = stack.enter_context(talking(there))
            moment(wire, app)
            wire.file.close()
        all_threads_answer(everywhere)


CLIENT = """
import socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.sendall(b"PUT /echo HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 5000000\\r\\n\\r\\n" + bytes(70_000))
print(flush=True)
connection.recv(1)
"""


def test_clients_that_are_killed_leave_no_thread_behind(ports, app):
    there, everywhere = ports
    app.go_on.set()
    clients = [
        subprocess.Popen([sys.executable, "-c", CLIENT, str(int(there))], stdout=subprocess.PIPE)
        for _ in range(THREADS)
    ]
    for client in clients:
        with client:
            client.stdout.readline()
            client.kill()
    all_threads_answer(everywhere)


# --- The server ends first ------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", [before_the_first_byte, between_requests])
@pytest.mark.parametrize("protocol", ["http", "https"])
def test_a_stopping_server_closes_idle_connections(app, certificate, protocol, moment):
    trusting = ssl.create_default_context(cafile=certificate.authority)
    with ExitStack() as stack:
        with two_protocol_server(app, certificate, THREADS) as port:
            there = TlsPort(port, trusting) if protocol == "https" else port
            wires = [stack.enter_context(talking(there)) for _ in range(CLIENTS)]
            for wire in wires:
                moment(wire, app)
        for wire in wires:
            wire.file.close()
            with suppress(OSError):
                assert wire.connection.recv(1) == b""


@pytest.mark.parametrize("protocol", ["http", "https"])
def test_a_stopping_server_finishes_the_answers_that_it_has_begun(certificate, protocol):
    size = 16 * 1024 * 1024

    def large(environ, start_response):
        start_response("200 OK", [("Content-Length", str(size))])
        return iter([bytes(size // 4)] * 4)

    server = TwoProtocolServer(large, listen(["127.0.0.1"], 0), THREADS, certificate)
    server.start()
    trusting = ssl.create_default_context(cafile=certificate.authority)
    there = TlsPort(server.port, trusting) if protocol == "https" else server.port
    with talking(there) as wire, ThreadPoolExecutor(1) as other:
        wire.send("GET / HTTP/1.1", "Host: x")
        wire.head()
        stopped = other.submit(server.stop, 4 * WAIT)
        assert len(wire.file.read(size)) == size
        wire.file.close()
        assert stopped.result()
