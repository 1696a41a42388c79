"""The hashes of the bytes of closed writers. The next chunk of an upload then needs no second hashing."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from ecr_emulator.storage.blobs.writer import Progress

REMEMBERED = 1_024
"""Maximum number of closed writers whose hash is kept."""


class ClosedWriters:
    """The progress of closed writers by name. Safe to use from many threads."""

    def __init__(self) -> None:
        self._progress: OrderedDict[str, Progress] = OrderedDict()
        self._lock = Lock()

    def add(self, name: str, progress: Progress) -> None:
        """Remember a writer; it may replace the one that was closed longest ago."""
        with self._lock:
            self._progress[name] = progress
            if len(self._progress) > REMEMBERED:
                self._progress.popitem(last=False)

    def take(self, name: str, size: int) -> Progress | None:
        """Return what is known of the first ``size`` bytes of a writer, and forget the writer."""
        with self._lock:
            progress = self._progress.pop(name, None)
        return progress if progress and progress.size == size else None

    def forget(self, name: str) -> None:
        """Forget a writer, whose bytes may have been replaced."""
        with self._lock:
            self._progress.pop(name, None)

    def clear(self) -> None:
        """Forget all writers."""
        with self._lock:
            self._progress.clear()
