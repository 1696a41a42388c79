"""HTTP and HTTPS on one port: the first byte of a connection tells which.

Clients disagree about registries on loopback: BuildKit insists on HTTP, containerd on HTTPS for every name but
``localhost``, Docker tries both. Behind each address stand two Granian servers on Unix sockets, one for each protocol;
here bytes are only carried to the right one, so a slow or silent client costs a few buffers.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
from asyncio import StreamReader, StreamWriter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from ecr_emulator.serving.certificates import Certificate
from ecr_emulator.serving.granian import REQUEST_HEAD_SECONDS, GranianServer
from ecr_emulator.serving.listeners import BACKLOG

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

CLIENT_HELLO = 0x16
"""A TLS connection begins with this byte, no HTTP request does."""
STEP = 256 * 1024
"""So many bytes are held at most, each way, for a client that is slower than we are."""


class TwoProtocolServer:
    """``GranianServer`` that also speaks TLS on the same listeners, with this certificate."""

    def __init__(
        self, wsgi: WSGIApplication, listeners: Sequence[socket.socket], threads: int, certificate: Certificate
    ) -> None:
        self.port: int = listeners[0].getsockname()[1]
        self._listeners = listeners
        self._folder = tempfile.TemporaryDirectory(prefix="ecr-emulator-")
        folder = Path(self._folder.name)
        self._plain_path, self._tls_path = str(folder / "http"), str(folder / "https")
        self._plain = GranianServer(wsgi, [_unix_listener(self._plain_path)], threads)
        self._tls = GranianServer(wsgi, [_unix_listener(self._tls_path)], threads, certificate)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="two-protocols", daemon=True)
        self._servers: list[asyncio.Server] = []

    def start(self) -> None:
        """Answer requests from now on."""
        self._plain.start()
        self._tls.start()
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._accept(), self._loop).result()

    def stop(self, timeout: float) -> bool:
        """Accept nothing more and wait for what runs; False if something still ran after ``timeout`` seconds."""
        asyncio.run_coroutine_threadsafe(self._refuse(), self._loop).result()
        results: dict[GranianServer, bool] = {}

        def stop(server: GranianServer) -> None:
            results[server] = server.stop(timeout)

        stopping = [Thread(target=stop, args=(server,)) for server in (self._plain, self._tls)]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()
        self._end_loop()
        self._folder.cleanup()
        return all(results.values())

    async def _accept(self) -> None:
        for listener in self._listeners:
            self._servers.append(await asyncio.start_server(self._carry, sock=listener, limit=STEP, backlog=BACKLOG))

    async def _refuse(self) -> None:
        for server in self._servers:
            server.close()

    def _end_loop(self) -> None:
        ended = Event()

        async def end() -> None:
            mine = asyncio.current_task()
            rest = [task for task in asyncio.all_tasks() if task is not mine]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
            ended.set()

        asyncio.run_coroutine_threadsafe(end(), self._loop)
        ended.wait()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.CancelledError):
            first = await asyncio.wait_for(reader.read(STEP), REQUEST_HEAD_SECONDS)
            if first:
                path = self._tls_path if first[0] == CLIENT_HELLO else self._plain_path
                await _join(first, reader, writer, path)
        writer.close()


async def _join(first: bytes, reader: StreamReader, writer: StreamWriter, path: str) -> None:
    """Carry bytes both ways until one side has closed; what the server still has to say is said."""
    server_reader, server_writer = await asyncio.open_unix_connection(path, limit=STEP)
    server_writer.write(first)
    upward = asyncio.create_task(_pump(reader, server_writer))
    try:
        await _pump(server_reader, writer)
    finally:
        upward.cancel()
        server_writer.close()


async def _pump(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(STEP):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _unix_listener(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(BACKLOG)
    return listener
