"""Reads of stored blobs, piece by piece."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from ecr_emulator.ports.blobs import Blobs
from ecr_emulator.services.piece_sizes import DOWNLOADS


def read_span(blobs: Blobs, digest: str, start: int, stop: int) -> Generator[bytes, None, None]:
    """Yield the bytes of a blob from start up to stop.

    Raises ``FileNotFoundError`` if there is none, at the first byte, and ``OSError`` if it ends early.
    """
    with closing(blobs.open(digest)) as file, DOWNLOADS.transfer():
        file.seek(start)
        while start < stop:
            chunk = file.read(min(DOWNLOADS.size, stop - start))
            if not chunk:
                raise OSError(f"a blob ends {stop - start} bytes early")
            start += len(chunk)
            yield chunk
