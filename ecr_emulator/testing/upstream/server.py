"""An HTTP/1.1 server on loopback that sends faulty responses."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from ssl import SSLContext
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import urlsplit

from ecr_emulator.serving.listeners import wake
from ecr_emulator.testing.upstream.faults import Reply, Request

_BURST = 16 * 1024
_MOMENT = 0.02
"""Seconds between the checks of a stalled response whether the server has ended."""


class FaultyServer(ThreadingHTTPServer):
    """A server with a thread for each connection. ``end`` ends all threads."""

    daemon_threads = False

    def __init__(self, answer: Callable[[Request], Reply], port: int, tls: Callable[[], SSLContext | None]) -> None:
        """``tls`` says for each connection how it is encrypted, if at all."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.answer = answer
        self._tls = tls
        self.ended = Event()
        self.accepted = 0
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        self._thread = Thread(target=self.serve_forever, args=(_MOMENT,))

    def run(self) -> None:
        """Serve in the background."""
        self._thread.start()

    def end(self) -> None:
        """Stop the server, and break open connections."""
        self.ended.set()
        wake(self.socket)
        self.shutdown()
        self._thread.join()
        self.hang_up()
        self.server_close()

    def hang_up(self) -> None:
        """Break the connections that are open."""
        with self._lock:
            for connection in self._open:
                _break(connection)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; its TLS handshake is done in its own thread."""
        connection, address = super().get_request()
        context = self._tls()
        if context:
            connection = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def opened(self, connection: socket.socket) -> None:
        """Count a connection whose thread has started."""
        with self._lock:
            self.accepted += 1
            self._open.add(connection)
            if self.ended.is_set():
                _break(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection whose thread has ended."""
        with self._lock:
            self._open.discard(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that leave: tests provoke that."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FaultyServer

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        super().finish()

    def log_message(self, *_: Any) -> None:
        """Log nothing: tests read ``requests``."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        request = Request(self.command, parts.path, parts.query, self.headers)
        reply = self.server.answer(request)
        if reply.waits_for and reply.waits_at is None:
            self._wait(reply.waits_for)
        if reply.status:
            self._send_head(reply)
            if self.command != "HEAD":
                self._send_body(request, reply)
        if reply.end_at is not None:
            self._hang_up(reply)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def _send_head(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()

    def _send_body(self, request: Request, reply: Reply) -> None:
        end = len(reply.body) if reply.end_at is None else min(reply.end_at, len(reply.body))
        stops = sorted({*range(0, end, _BURST), end, min(reply.waits_at or 0, end)})
        for start, stop in pairwise(stops):
            if reply.waits_for and start == reply.waits_at:
                self._wait(reply.waits_for)
            request.sent.append(stop - start)  # first: the client may look as soon as it has the bytes
            self.wfile.write(reply.body[start:stop])

    def _wait(self, until: Event) -> None:
        while not (until.wait(_MOMENT) or self.server.ended.is_set()):
            pass

    def _hang_up(self, reply: Reply) -> None:
        self.close_connection = True
        if reply.resets:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())


def _break(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
