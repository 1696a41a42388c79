"""The servers of ``ecr_emulator.serving`` in this process, an application for them, and raw connections to them."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import Queue
from typing import TYPE_CHECKING, Any

from ecr_emulator.counted_body import CountedBody
from ecr_emulator.domain.fault import BREAKS_AFTER, ConnectionDropped
from ecr_emulator.ports.upstream_failures import UpstreamUnavailable
from ecr_emulator.request_counts import CountedRequests
from ecr_emulator.request_records import RequestRecords
from ecr_emulator.services.cache_history import CacheHistory
from ecr_emulator.serving.certificates import Certificate
from ecr_emulator.serving.listeners import STALL_SECONDS, listen
from ecr_emulator.serving.threaded import ThreadedServer
from ecr_emulator.serving.two_protocols import TwoProtocolServer
from tests.support.clock import FrozenClock

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

WAIT = 4
CLOSED = (ConnectionError, ssl.SSLEOFError)


class App:
    """A WSGI application whose views report to the test through queues."""

    def __init__(self) -> None:
        self.seen: Queue[Any] = Queue()
        self.closed: Queue[str] = Queue()
        self.go_on = threading.Event()
        clock = FrozenClock()
        self._counted = CountedRequests(self._answer, RequestRecords(CacheHistory(clock.now)), clock.now)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._counted(environ, start_response)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        view: WSGIApplication = getattr(self, environ["PATH_INFO"].strip("/").replace("/", "_") or "index", self.index)
        return view(environ, start_response)

    def index(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.seen.put((environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"]))
        start_response("200 OK", [("Content-Length", "5"), ("Content-Type", "text/plain")])
        return [b""] if environ["REQUEST_METHOD"] == "HEAD" else [b"hello"]

    def echo(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = b""
        while chunk := environ["wsgi.input"].read(5):
            self.seen.put(chunk)
            body += chunk
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    def whole(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    def declared(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    def until_it_breaks_off(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        received = 0
        try:
            while chunk := environ["wsgi.input"].read(10_000):
                received += len(chunk)
        except TimeoutError:
            self.seen.put(received)
        start_response("400 Bad Request", [])
        return CountedBody([b"an answer that nobody gets"], lambda _: self.closed.put("closed"))

    def ignore(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("202 Accepted", [("Content-Length", "2")])
        return [b"ok"]

    def fail(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "100")])
        return self._body([b"0123456789", OSError("the disk is gone")])

    def fail_expected(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "100")])
        return self._body([b"0123456789", UpstreamUnavailable("the upstream is gone")])

    def drop(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[BREAKS_AFTER] = 0
        start_response("200 OK", [("Content-Length", "0")])
        return self._body([ConnectionDropped("an injected fault")])

    def break_measured(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[BREAKS_AFTER] = 10
        start_response("200 OK", [("Content-Length", "100")])
        return self._body([b"0123456789", ConnectionDropped("an injected fault")])

    def break_unmeasured(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[BREAKS_AFTER] = 10
        start_response("200 OK", [])
        return self._body([b"0123456789", ConnectionDropped("an injected fault")])

    def fail_unmeasured(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return self._body([b"0123456789", OSError("the disk is gone")])

    def fail_unmeasured_expected(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return self._body([b"0123456789", UpstreamUnavailable("the upstream is gone")])

    def fail_late(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return self._body(self._one_half())

    def endless(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", str(1 << 40))])
        return self._body(bytes(65536) for _ in range(1 << 24))

    def slow(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "10")])
        return self._body(self._two_halves())

    def late(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "5")])
        return self._body(self._nothing_yet())

    def broken(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raise OSError("the disk is gone")

    def unmeasured(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return self._body([b"one ", b"two"])

    def _nothing_yet(self) -> Iterator[bytes]:
        yield b""
        self.go_on.wait(WAIT)
        yield b"after"

    def _one_half(self) -> Iterator[bytes]:
        yield b"first"
        self.go_on.wait(WAIT)
        raise UpstreamUnavailable("the upstream is gone")

    def _two_halves(self) -> Iterator[bytes]:
        yield b"first"
        self.go_on.wait(WAIT)
        yield b"after"

    def _body(self, parts: Iterable[bytes | Exception]) -> Iterator[bytes]:
        try:
            for part in parts:
                if isinstance(part, Exception):
                    raise part
                yield part
        finally:
            self.closed.put("closed")


@contextmanager
def werkzeug_server(app: WSGIApplication) -> Iterator[int]:
    with ThreadedServer(app) as server:
        yield server.port


@contextmanager
def granian_server(app: App, threads: int = 32, stall_seconds: float = STALL_SECONDS) -> Iterator[int]:
    from ecr_emulator.serving.granian import GranianServer

    listeners = listen(["127.0.0.1", "::1"], 0, stall_seconds=stall_seconds)
    server = GranianServer(app, listeners, threads, stall_seconds=stall_seconds)
    server.start()
    try:
        yield server.port
    finally:
        app.go_on.set()
        assert server.stop(WAIT)


@contextmanager
def two_protocol_server(
    app: App, certificate: Certificate, threads: int = 32, stall_seconds: float = STALL_SECONDS
) -> Iterator[int]:
    listeners = listen(["127.0.0.1", "::1"], 0, stall_seconds=stall_seconds)
    server = TwoProtocolServer(app, listeners, threads, certificate, stall_seconds)
    server.start()
    try:
        yield server.port
    finally:
        app.go_on.set()
        assert server.stop(WAIT)


@contextmanager
def tls_server(app: App, certificate: Certificate, stall_seconds: float = STALL_SECONDS) -> Iterator[TlsPort]:
    trusting = ssl.create_default_context(cafile=certificate.authority)
    with two_protocol_server(app, certificate, stall_seconds=stall_seconds) as port:
        yield TlsPort(port, trusting)


class TlsPort(int):
    """A port of a server that speaks TLS. ``context`` trusts its certificate."""

    context: ssl.SSLContext

    def __new__(cls, port: int, context: ssl.SSLContext) -> TlsPort:
        made = super().__new__(cls, port)
        made.context = context
        return made


@contextmanager
def connected(port: int, host: str = "127.0.0.1") -> Iterator[Wire]:
    with socket.create_connection((host, int(port)), timeout=WAIT) as plain, speaking(plain, port) as connection:
        wire = Wire(connection)
        with wire.file:
            yield wire


def speaking(plain: socket.socket, port: int) -> socket.socket:
    """Return the connection itself, or TLS on it."""
    return port.context.wrap_socket(plain, server_hostname="localhost") if isinstance(port, TlsPort) else plain


class Wire:
    """One connection: sends bytes as given, reads one response at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.file = connection.makefile("rb")

    def send(self, *lines: str, body: bytes = b"") -> None:
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def head(self) -> tuple[int | None, dict[str, str]]:
        status = self.file.readline().decode().split(None, 2)
        headers = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return int(status[1]) if status else None, headers

    def response(self) -> tuple[int | None, bytes]:
        status, headers = self.head()
        return status, self.file.read(int(headers["content-length"]))

    def chunk(self, data: bytes) -> None:
        self.connection.sendall(b"%x\r\n%s\r\n" % (len(data), data))


def until_closed(wire: Wire) -> bytes:
    """Return all bytes until the server closes the connection or ends a chunked body."""
    received = b""
    try:
        while not received.endswith(b"\r\n0\r\n\r\n") and (data := wire.file.read1()):
            received += data
    except CLOSED:
        pass
    return received
