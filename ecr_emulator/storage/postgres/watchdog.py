"""The end of connections to a server that has stopped answering.

Keepalive finds a peer that is gone. The machine of a stopped server goes on to acknowledge what it receives, as does a
proxy that cannot reach its server.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Condition, Lock, Thread
from time import monotonic
from typing import Any
from weakref import WeakSet, finalize

import psycopg

LIMIT = 5.0
"""Seconds to wait for an answer. After them, the server must at least accept a new connection."""


class ServerConnection(psycopg.Connection[Any]):
    """A connection that a watchdog may end.

    ``is_prompt`` promises that no statement takes longer than ``LIMIT``. ``asked_at`` is when the statement began.
    """

    is_prompt = False
    is_given_up = False
    asked_at: float | None = None
    url = ""
    _watchdog: Watchdog | None = None

    def watch(self, watchdog: Watchdog, url: str) -> None:
        """Let a watchdog end the connection from now on."""
        self.url = url
        self._ending = Lock()
        # libpq closes its own descriptor whenever it likes, and the number may then be that of another file.
        descriptor = os.dup(self.pgconn.socket)
        self._descriptor, self._release = descriptor, finalize(self, os.close, descriptor)
        self._watchdog = watchdog
        watchdog.add(self)

    def wait(self, *arguments: Any, **options: Any) -> Any:
        """Wait for the server. Raises ``psycopg.OperationalError`` if it was given up."""
        self.asked_at = monotonic()
        try:
            return super().wait(*arguments, **options)
        except psycopg.OperationalError as error:
            if self.is_given_up:
                raise psycopg.OperationalError(f"it has not answered for {LIMIT:g} seconds") from error
            raise
        finally:
            self.asked_at = None

    def is_silent(self, answered_at: float) -> bool:
        """Whether the server owes an answer for too long. It has shown a sign of life at ``answered_at``."""
        asked_at = self.asked_at
        return asked_at is not None and monotonic() - max(asked_at, answered_at) > LIMIT

    def give_up(self) -> None:
        """End the connection. A thread that waits for it, fails."""
        self.is_given_up = True
        with self._ending, suppress(OSError):
            if self._release.alive:
                with socket.socket(fileno=os.dup(self._descriptor)) as ended:
                    ended.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        super().close()
        if self._watchdog:
            self._watchdog.remove(self)
            with self._ending:
                self._release()


class Watchdog:
    """A thread that looks at connections, as long as there are any.

    ``is_alive`` tells whether the server at a URL accepts a new connection. If it does not, all connections to it end,
    because the next statement on any of them would wait as long.
    """

    def __init__(self, is_alive: Callable[[str], bool]) -> None:
        self._is_alive = is_alive
        self._connections: WeakSet[ServerConnection] = WeakSet()
        self._answered_at: dict[str, float] = {}
        self._changed = Condition()
        self._thread: Thread | None = None

    def add(self, connection: ServerConnection) -> None:
        """Look at a connection from now on."""
        with self._changed:
            self._connections.add(connection)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()

    def remove(self, connection: ServerConnection) -> None:
        """Look at a connection no more."""
        with self._changed:
            self._connections.discard(connection)
            self._changed.notify_all()

    def _run(self) -> None:
        while self._look():
            with self._changed:
                self._changed.wait_for(lambda: not self._connections, LIMIT / 5)

    def _look(self) -> bool:
        """End connections that are silent. Return whether there are connections left."""
        with self._changed:
            connections = list(self._connections)
            if not connections:
                self._thread = None
                return False
        silent = [each for each in connections if each.is_silent(self._answered_at.get(each.url, 0.0))]
        for connection in silent:
            if connection.is_prompt:
                connection.give_up()
        for url in {connection.url for connection in silent if not connection.is_prompt}:
            if self._is_alive(url):
                self._answered_at[url] = monotonic()
                continue
            for connection in connections:
                if connection.url == url:
                    connection.give_up()
        return True
