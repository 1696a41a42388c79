"""A front before a server: it passes bytes on, or pauses, slows down, cuts connections, or answers in its place."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread
from time import sleep

PIECE = 65_536
SLOWED = 0.02
"""Seconds by which a slow front delays each piece."""

Connect = Callable[[], socket.socket]


class Front:
    """Listens on a port of loopback. ``connect`` opens a connection to the server."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._lock = Lock()
        self._connections: set[socket.socket] = set()
        self._goes_on = Event()
        self._goes_on.set()
        self._is_slow = False
        self._is_cut = False
        self._answer = b""
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def pause(self) -> None:
        """Hold all bytes back until ``heal``, as a network does that loses packets."""
        self._goes_on.clear()

    def slow_down(self) -> None:
        """Delay all bytes until ``heal``."""
        self._is_slow = True

    def cut(self) -> None:
        """End all connections, and each new one at once, until ``heal``."""
        self._is_cut = True
        self._end_connections()

    def answer(self, response: bytes) -> None:
        """End all connections, and answer the first request on each new one with these bytes, until ``heal``."""
        self._answer = response
        self._end_connections()

    def heal(self) -> None:
        """Pass bytes on again."""
        self._is_slow = self._is_cut = False
        if self._answer:
            self._answer = b""
            self._end_connections()
        self._goes_on.set()

    def close(self) -> None:
        """Stop listening, and end all connections."""
        self._listener.close()
        self._goes_on.set()
        self._end_connections()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self._is_cut:
            client.close()
            return
        with self._lock:
            self._connections.add(client)
        if self._answer:
            self._answer_once(client)
            return
        self._goes_on.wait()
        try:
            server = self._connect()
        except OSError:
            self._end(client)
            return
        with self._lock:
            self._connections.add(server)
        Thread(target=self._pump, args=(server, client), daemon=True).start()
        self._pump(client, server)

    def _answer_once(self, client: socket.socket) -> None:
        with suppress(OSError):
            if client.recv(PIECE):
                client.sendall(self._answer)
                client.shutdown(socket.SHUT_WR)
                while client.recv(PIECE):  # an end before the client has sent all would take the answer from it
                    pass
        self._end(client)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE):
                self._goes_on.wait()
                if self._is_slow:
                    sleep(SLOWED)
                target.sendall(piece)
        for each in (source, target):
            self._end(each)

    def _end_connections(self) -> None:
        with self._lock:
            connections = list(self._connections)
        for each in connections:
            self._end(each)

    def _end(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()


def to_unix_socket(path: str) -> Connect:
    """Return a function that connects to a socket of the file system."""

    def connect() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            raise
        return connection

    return connect


def to_port(port: int) -> Connect:
    """Return a function that connects to a port of loopback."""
    return lambda: socket.create_connection(("127.0.0.1", port))
