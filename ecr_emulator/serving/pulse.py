"""A pulse: a small request every second, so that no request waits for a thread that Granian has failed to start.

Granian starts a thread if more requests wait than threads are idle. A thread that has just taken a request still counts
as idle for a moment. A request that comes in that moment gets no thread. It waits until another request comes, or until
a thread is free, which may take long while clients are slow.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event, Thread
from typing import Any

PULSE = "PULSE"
"""The method of these requests. No application sees them."""
REQUEST = f"{PULSE} / HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
INTERVAL = 1.0
"""Seconds between two requests on a connection."""
TIMEOUT = 1.0


Runner = Callable[[Any, dict[str, Any]], Any]
"""The function that Granian calls with its protocol and the environment of a request."""


def answering_pulses(run: Runner) -> Runner:
    """Wrap a runner so that it answers the requests of a pulse itself."""

    def answer(protocol: Any, environ: dict[str, Any]) -> Any:
        if environ["REQUEST_METHOD"] == PULSE:
            protocol.response_bytes(204, [], b"")
            return 204
        return run(protocol, environ)

    return answer


def connect(family: int, address: Any, is_tls: bool) -> socket.socket:
    """Connect to a listener of this process."""
    connection = socket.socket(family)
    connection.settimeout(TIMEOUT)
    try:
        connection.connect(address)
        if is_tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it knows whom it asks
            return context.wrap_socket(connection)
    except OSError:
        connection.close()
        raise
    return connection


class Pulse:
    """Sends the requests from a thread of its own. ``connects`` are functions that connect to the listeners."""

    def __init__(self, connects: Sequence[Callable[[], socket.socket]], interval: float = INTERVAL) -> None:
        self._lines = [_Line(connect) for connect in connects]
        self._interval = interval
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Send requests from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more requests, and close the connections."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            for line in self._lines:
                line.send()
        for line in self._lines:
            line.close()


class _Line:
    """A connection to a listener, which is opened again when it has been closed."""

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self._connect = connect
        self._connection: socket.socket | None = None

    def send(self) -> None:
        """Send a request, and drop the answers to earlier ones."""
        try:
            if self._connection is None:
                self._connection = self._connect()
            else:
                self._drop_answers(self._connection)
            self._connection.sendall(REQUEST)
        except OSError:  # the server closes idle connections, and has no place for new ones at times
            self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            self._connection.close()
            self._connection = None

    @staticmethod
    def _drop_answers(connection: socket.socket) -> None:
        connection.setblocking(False)
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            while connection.recv(4_096):
                pass
            raise ConnectionResetError
        connection.settimeout(TIMEOUT)
