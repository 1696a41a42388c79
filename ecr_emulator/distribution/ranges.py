"""Byte ranges: the requested part of a blob, and the position of a chunk in an upload."""

from __future__ import annotations

import re

from ecr_emulator.distribution.errors import OciError

_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,100})-([0-9]{0,100})", re.IGNORECASE)
_CONTENT_RANGE = re.compile(r"(?:bytes )?([0-9]{1,18})-([0-9]{1,18})(?:/(?:[0-9]+|\*))?")


def requested_span(header: str | None, size: int) -> tuple[int, int] | None:
    """Return start and stop of the bytes that a Range header requests; None if all bytes are to be sent.

    Multiple ranges are ignored, as RFC 9110 allows. Raises ``OciError`` 416 if the range contains no byte of the blob.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), min(int(last) + 1 if last else size, size)
    if start >= stop:
        raise OciError(416, "UNSUPPORTED", f"The blob has {size} bytes", {"Content-Range": f"bytes */{size}"})
    return start, stop


def chunk_start(header: str | None, length: int | None) -> int | None:
    """Return the first byte of the chunk of a PATCH or PUT by its Content-Range; None without that header.

    Raises ``OciError`` 400 if the header is malformed or does not fit the length of the body.
    """
    if header is None:
        return None
    match = _CONTENT_RANGE.fullmatch(header.strip())
    if match is None:
        raise OciError(400, "BLOB_UPLOAD_INVALID", f"Content-Range must be like 0-1023, not {header!r}")
    first, last = int(match[1]), int(match[2])
    if length is not None and last - first + 1 != length:
        raise OciError(400, "SIZE_INVALID", f"Content-Range {header} does not fit a body of {length} bytes")
    return first


def received(size: int) -> str:
    """Return the Range header for an upload of which ``size`` bytes have been received."""
    return f"0-{max(size - 1, 0)}"
