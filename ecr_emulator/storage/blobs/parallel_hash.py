"""A hash that a second thread computes while the first one receives and writes the next bytes."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

SMALL = 64 * 1024
"""Bytes that are hashed at once: handing fewer to another thread would take longer than hashing them."""

_threads = ThreadPoolExecutor(os.cpu_count(), "blob-hash")


class Hasher(Protocol):
    """A hash object of ``hashlib``. It computes large updates without Python's global lock."""

    def update(self, data: memoryview, /) -> None:
        """Add bytes."""

    def hexdigest(self) -> str:
        """Return the hash of all bytes added."""


class ParallelHash:
    """Updates a hash object in another thread, at most one update behind. Used by one thread at a time."""

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self._update: Future[None] | None = None

    def update(self, data: memoryview) -> None:
        """Add bytes, which must not change any more."""
        self.result()
        if len(data) < SMALL:
            self._hasher.update(data)
        else:
            self._update = _threads.submit(self._hasher.update, data)

    def result(self) -> Hasher:
        """Return the hash object with all bytes."""
        if self._update:
            self._update.result()
            self._update = None
        return self._hasher
