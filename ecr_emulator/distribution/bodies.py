"""The bodies of requests, as they arrive."""

from __future__ import annotations

from collections.abc import Iterator

from werkzeug import Request
from werkzeug.exceptions import ClientDisconnected

from ecr_emulator.distribution.errors import OciError

CHUNK = 1024 * 1024


def chunks_of(request: Request) -> Iterator[bytes]:
    """The body in pieces of at most 1 MiB. Raises ``OciError`` 400 if the client leaves before its end.

    Servers show that as an error or as an ordinary end, so the length that was announced is checked. A chunked body
    announces none: there, one that breaks off may look complete, and only its digest tells.
    """
    received = 0
    while chunk := _read(request, received):
        received += len(chunk)
        yield chunk
    if received < (request.content_length or 0):
        raise _broken_off(received)


def body_of(request: Request, limit: int) -> bytes:
    """The whole body. Raises ``OciError`` 413 if it has more bytes than the limit, whether or not it says so."""
    body = bytearray()
    if (request.content_length or 0) <= limit:
        for chunk in chunks_of(request):
            body += chunk
            if len(body) > limit:
                break
        else:
            return bytes(body)
    raise OciError(413, "SIZE_INVALID", f"The body may have at most {limit} bytes")


def _read(request: Request, received: int) -> bytes:
    try:
        return request.stream.read(CHUNK)
    except (OSError, ClientDisconnected) as broken:
        raise _broken_off(received) from broken


def _broken_off(received: int) -> OciError:
    return OciError(400, "SIZE_INVALID", f"The body broke off after {received} bytes")
