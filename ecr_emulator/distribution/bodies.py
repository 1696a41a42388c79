"""Read the bodies of requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from werkzeug import Request
from werkzeug.exceptions import ClientDisconnected

from ecr_emulator.distribution.errors import OciError
from ecr_emulator.services.piece_sizes import UPLOADS


def chunks_of(request: Request) -> Iterator[bytes]:
    """Yield the body in chunks as large as ``UPLOADS`` says. Raises ``OciError`` 400 if it breaks off.

    Servers report a disconnect as an error or as an ordinary end of the body, so the Content-Length is checked too. A
    body with chunked encoding has none: if it breaks off, it may look complete, and only its digest shows the loss.
    """
    received = 0
    with UPLOADS.transfer():
        while chunk := _read(request, received):
            received += len(chunk)
            yield chunk
    if received < (request.content_length or 0):
        raise _broken_off(received)


def body_of(request: Request, limit: int) -> bytes:
    """Return the whole body. Raises ``OciError`` 413 if its Content-Length or its size is greater than ``limit``."""
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
    """Return the next bytes. A body of known length is read without the stream of werkzeug, which copies it twice."""
    length = request.content_length
    try:
        if length is None:
            return request.stream.read(UPLOADS.size)
        read: Callable[[int], bytes] = request.environ["wsgi.input"].read
        return read(min(UPLOADS.size, length - received)) if received < length else b""
    except (OSError, ClientDisconnected) as broken:
        raise _broken_off(received) from broken


def _broken_off(received: int) -> OciError:
    return OciError(400, "SIZE_INVALID", f"The body broke off after {received} bytes")
