"""Transports of requests to an emulator. ``InProcess`` calls its WSGI application in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol
from urllib.parse import unquote_to_bytes, urlsplit

from ecr_emulator.quick_dataclasses import dataclass

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

CHUNK = 1024 * 1024
UNPREFIXED = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
"""Headers whose names in a WSGI environment do not begin with ``HTTP_``."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response. ``headers`` have lower-case names; ``chunks`` is the body, which can be read once."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]

    def read(self) -> bytes:
        """Return the body."""
        return b"".join(self.chunks)


class Transport(Protocol):
    """A transport of requests to an emulator."""

    def send(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: BinaryIO | None = None
    ) -> Answer:
        """Send a request. ``url`` is absolute, or a path with a query at the emulator.

        If there is a body, ``headers`` must have its Content-Length.
        """


class InProcess:
    """Calls a WSGI application as a server does. ``origin`` is the scheme and host of requests whose URL has none."""

    def __init__(self, wsgi: WSGIApplication, origin: Callable[[], str]) -> None:
        self._wsgi = wsgi
        self._origin = origin

    def send(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: BinaryIO | None = None
    ) -> Answer:
        """Send a request. Raises the exceptions of the application."""
        return _call(self._wsgi, _environ(method, self._absolute(url), headers or {}, body or BytesIO()))

    def _absolute(self, url: str) -> str:
        return self._origin() + url if url.startswith("/") else url


def _environ(method: str, url: str, headers: Mapping[str, str], body: BinaryIO) -> WSGIEnvironment:
    parts = urlsplit(url)
    named = {UNPREFIXED.get(name.lower()) or _variable(name): value for name, value in headers.items()}
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": str(parts.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": parts.netloc,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **named,
    }


def _variable(header: str) -> str:
    return "HTTP_" + header.upper().replace("-", "_")


def _call(wsgi: WSGIApplication, environ: WSGIEnvironment) -> Answer:
    started: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], Any]:
        started.append((status, headers))
        return written.append

    body = wsgi(environ, start_response)
    chunks = _chunks(body, written)
    first = next(chunks, b"")  # an application must call start_response before its first chunk, but not earlier
    status, headers = started[-1]
    return Answer(int(status[:3]), {name.lower(): value for name, value in headers}, _with_first(first, chunks))


def _chunks(body: Iterable[bytes], written: list[bytes]) -> Iterator[bytes]:
    try:
        for chunk in body:
            yield from written
            written.clear()
            yield chunk
        yield from written
    finally:
        close = getattr(body, "close", None)
        if close:
            close()


def _with_first(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from chunks
