"""Forwarding of connections to a server on a Unix socket: their bytes and every kind of end.

A server that does not see the end of a connection keeps a thread waiting for the rest of the request for ever.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio import AbstractEventLoop, BaseTransport, Task, TimerHandle, Transport
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from socket import AF_UNIX, socket
from typing import Any, cast

from ecr_emulator.ports.storage_failures import OutOfFiles

STEP = 256 * 1024
"""Maximum number of bytes buffered in each direction for the slower side."""
FILES_EACH = 3
"""Files that a connection needs: the client's socket, and both ends of the Unix socket."""
RETRY_SECONDS = 0.5
"""Seconds to wait while the system has no file left for a connection, or the server's backlog is full."""
ATTEMPTS = 60

log = logging.getLogger(__name__)


class ConnectionForwarder:
    """Accepts connections and forwards each to the Unix socket that ``choose`` names by the first bytes.

    At most ``limit`` connections are open at once; further ones wait. A client that sends nothing for
    ``first_byte_timeout`` seconds is disconnected.
    """

    def __init__(
        self, loop: AbstractEventLoop, choose: Callable[[bytes], str], limit: int, first_byte_timeout: float
    ) -> None:
        self.loop = loop
        self.first_byte_timeout = first_byte_timeout
        self._choose = choose
        self._limit = limit
        self._listeners: Sequence[socket] = ()
        self._clients: set[_Client] = set()
        self._tasks: set[Task[Any]] = set()
        self._all_gone = asyncio.Event()

    async def accept(self, listeners: Sequence[socket]) -> None:
        """Start to forward the connections to these listeners."""
        self._listeners = listeners
        for listener in listeners:
            listener.setblocking(False)
        self._resume()

    async def end(self) -> None:
        """Accept no more connections, and disconnect clients that have sent nothing yet."""
        self._pause()
        self._listeners = ()
        await asyncio.gather(*self._tasks)
        for client in self._clients:
            if client.other is None:
                client.transport.abort()

    async def drain(self, timeout: float) -> bool:
        """Wait until clients have the answers of stopped servers; False if ``timeout`` seconds did not suffice."""
        if not self._clients:
            return True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_gone.wait(), timeout)
        cut_off = list(self._clients)
        for client in cut_off:
            client.transport.abort()
        if cut_off:
            await self._all_gone.wait()
        return not cut_off

    def began(self, client: _Client) -> None:
        """Add a client that has connected."""
        self._clients.add(client)
        self._all_gone.clear()
        if len(self._clients) >= self._limit:
            self._pause()

    def ended(self, client: _Client) -> None:
        """Remove a client that has disconnected."""
        self._clients.discard(client)
        if len(self._clients) == self._limit - 1:
            self._resume()
        if not self._clients:
            self._all_gone.set()

    def connect(self, client: _Client, first: bytes) -> None:
        """Connect a client to its server, by the first bytes that the client sent."""
        self._keep(self._connect(client, first))

    def _resume(self) -> None:
        for listener in self._listeners:
            self.loop.add_reader(listener, self._accept_from, listener)

    def _pause(self) -> None:
        for listener in self._listeners:
            self.loop.remove_reader(listener)

    def _accept_from(self, listener: socket) -> None:
        try:
            accepted, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as failure:
            log.warning("a connection could not be accepted: %s", failure.strerror)
            self._pause()
            self.loop.call_later(RETRY_SECONDS, self._resume)
            return
        accepted.setblocking(False)
        self._keep(self.loop.connect_accepted_socket(partial(_Client, self), accepted))

    def _keep(self, work: Coroutine[Any, Any, Any]) -> None:
        """Start a task and keep a reference to it, since the loop keeps none."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, client: _Client, first: bytes) -> None:
        try:
            reached = await _connection(self._choose(first))
            await self.loop.create_unix_connection(partial(_Server, client, first), sock=reached)
        except OSError as failure:
            log.warning("a connection could not be forwarded to the server: %s", failure.strerror)
            client.transport.abort()


async def _connection(path: str) -> socket:
    """Connect to a Unix socket; retry while its backlog is full or the system has no file left.

    asyncio takes a connection that was refused because of a full backlog for an established one.
    """
    for _ in range(ATTEMPTS):
        try:
            return _connected(path)
        except BlockingIOError:
            pass
        except OSError as failure:
            if not OutOfFiles.is_meant_by(failure):
                raise
        await asyncio.sleep(RETRY_SECONDS)
    return _connected(path)


def _connected(path: str) -> socket:
    made = socket(AF_UNIX)
    try:
        made.setblocking(False)
        made.connect(path)
    except OSError:
        made.close()
        raise
    return made


class _End(asyncio.Protocol):
    """One end of a forwarded connection, which writes the bytes that it receives to the other end."""

    transport: Transport
    other: _End | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        self.transport = cast(Transport, transport)
        self.transport.set_write_buffer_limits(STEP)

    def data_received(self, data: bytes) -> None:
        if self.other and not self.other.transport.is_closing():
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other:
            self.other.transport.resume_reading()


class _Client(_End):
    def __init__(self, forwarder: ConnectionForwarder) -> None:
        self._forwarder = forwarder
        self._silence_timer: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self._forwarder.began(self)
        self._silence_timer = self._forwarder.loop.call_later(self._forwarder.first_byte_timeout, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        if self.other:
            super().data_received(data)
            return
        self._stop_silence_timer()
        self.transport.pause_reading()
        self._forwarder.connect(self, data)

    def eof_received(self) -> bool:
        """Tell the server that the client has sent everything; it may still answer."""
        if self.other and not self.other.transport.is_closing():
            self.other.transport.write_eof()
        return self.other is not None

    def connection_lost(self, exc: Exception | None) -> None:
        """Abort the connection to the server: no client is left to answer."""
        self._stop_silence_timer()
        if self.other:
            self.other.transport.abort()
        self._forwarder.ended(self)

    def _stop_silence_timer(self) -> None:
        if self._silence_timer:
            self._silence_timer.cancel()


class _Server(_End):
    def __init__(self, client: _Client, first: bytes) -> None:
        self._client = client
        self._first = first

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        if self._client.transport.is_closing():
            self.transport.abort()
            return
        self.other, self._client.other = self._client, self
        self.transport.write(self._first)
        self._client.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the connection to the client after the buffered bytes are sent: the server has closed its own."""
        self._client.transport.close()
