"""Reads of stored blobs, piece by piece."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from ecr_emulator.ports.blobs import Blobs

PIECE = 128 * 1024
"""Bytes that a reader gets at a time, at most; the server keeps about nine such pieces for each slow reader.

Twice as many would serve a fast reader a fifth faster, but every slow reader would then hold 2 MiB.
"""


def read_span(blobs: Blobs, digest: str, start: int, stop: int) -> Generator[bytes, None, None]:
    """Yield the bytes of a blob from start up to stop.

    Raises ``FileNotFoundError`` if there is none, at the first byte, and ``OSError`` if it ends early.
    """
    with closing(blobs.open(digest)) as file:
        file.seek(start)
        while start < stop:
            chunk = file.read(min(PIECE, stop - start))
            if not chunk:
                raise OSError(f"a blob ends {stop - start} bytes early")
            start += len(chunk)
            yield chunk
