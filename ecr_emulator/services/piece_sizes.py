"""Sizes of the pieces in which blobs are transferred: smaller ones the more transfers there are at the same time.

A slow client occupies a few pieces of memory until it goes on. The limits are those of the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

KIBIBYTE = 1024


class PieceSizes:
    """Sizes for transfers in one direction. Each has a piece of ``smallest`` to ``largest`` bytes; all together have
    about ``total``.
    """

    def __init__(self, smallest: int, largest: int, total: int) -> None:
        self._smallest = smallest
        self._largest = largest
        self._total = total
        self._transfers = 0
        self._lock = Lock()

    @contextmanager
    def transfer(self) -> Iterator[None]:
        """Count a transfer while the block runs."""
        with self._lock:
            self._transfers += 1
        try:
            yield
        finally:
            with self._lock:
                self._transfers -= 1

    @property
    def size(self) -> int:
        """The bytes of the next piece of a transfer."""
        return max(self._smallest, min(self._largest, self._total // max(1, self._transfers)))


DOWNLOADS = PieceSizes(smallest=8 * KIBIBYTE, largest=128 * KIBIBYTE, total=1024 * KIBIBYTE)
"""The server keeps about nine pieces for each slow reader.

Larger ones would serve a fast reader a fifth faster, but every slow reader would then hold 2 MiB.
"""
UPLOADS = PieceSizes(smallest=16 * KIBIBYTE, largest=256 * KIBIBYTE, total=6 * 1024 * KIBIBYTE)
"""A body has its last piece and the next one, which is not complete.

With pieces of 1 MiB, uploads are no faster and need 12 MiB more memory.
"""
