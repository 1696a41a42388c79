"""HTTP and HTTPS on one port: the first byte of a connection tells which.

Clients disagree about registries on loopback: BuildKit insists on HTTP, containerd on HTTPS for every name but
``localhost``, Docker tries both. Two Granian servers on Unix sockets serve each address, one for each protocol;
this module only forwards bytes to the right server, so a slow or silent client costs a few buffers.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Coroutine, Sequence
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from ecr_emulator.serving.certificates import Certificate
from ecr_emulator.serving.connection_forwarding import FILES_EACH, ConnectionForwarder
from ecr_emulator.serving.connection_limit import connections
from ecr_emulator.serving.granian import REQUEST_HEAD_SECONDS, GranianServer
from ecr_emulator.serving.listeners import BACKLOG, STALL_SECONDS
from ecr_emulator.serving.server_address import with_server_address

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_Result = TypeVar("_Result")

CLIENT_HELLO = 0x16
"""The first byte of every TLS connection; no HTTP request begins with it."""


class TwoProtocolServer:
    """``GranianServer`` that also speaks TLS on the same listeners, with this certificate."""

    def __init__(
        self,
        wsgi: WSGIApplication,
        listeners: Sequence[socket.socket],
        threads: int,
        certificate: Certificate,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self.port: int = listeners[0].getsockname()[1]
        wsgi = with_server_address(wsgi, listeners[0])
        self._listeners = listeners
        self._folder = tempfile.TemporaryDirectory(prefix="ecr-emulator-")
        folder = Path(self._folder.name)
        self._plain_path, self._tls_path = str(folder / "http"), str(folder / "https")
        limit = connections(1, FILES_EACH)
        self._plain = GranianServer(wsgi, [_unix_listener(self._plain_path)], threads, None, limit, stall_seconds)
        self._tls = GranianServer(wsgi, [_unix_listener(self._tls_path)], threads, certificate, limit, stall_seconds)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="two-protocols", daemon=True)
        self._forwarder = ConnectionForwarder(self._loop, self._path, limit, REQUEST_HEAD_SECONDS)

    def start(self) -> None:
        """Answer requests from now on."""
        self._plain.start()
        self._tls.start()
        self._thread.start()
        self._run(self._forwarder.accept(self._listeners))

    def stop(self, timeout: float) -> bool:
        """Accept nothing more and wait for what runs; False if something still ran after ``timeout`` seconds."""
        deadline = monotonic() + timeout
        self._run(self._forwarder.end())
        for listener in self._listeners:
            listener.close()
        stopped = _stop_all([self._plain, self._tls], timeout)
        stopped &= self._run(self._forwarder.drain(max(0.0, deadline - monotonic())))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._folder.cleanup()
        return stopped

    def _path(self, first: bytes) -> str:
        return self._tls_path if first[0] == CLIENT_HELLO else self._plain_path

    def _run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _stop_all(servers: Sequence[GranianServer], timeout: float) -> bool:
    """Stop the servers at the same time."""
    results: list[bool] = []
    stopping = [Thread(target=lambda server: results.append(server.stop(timeout)), args=(each,)) for each in servers]
    for thread in stopping:
        thread.start()
    for thread in stopping:
        thread.join()
    return all(results)


def _unix_listener(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(BACKLOG)
    return listener
