"""The files of the blob store that are in use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Holds:
    """Names in use: digests of blobs and ids of uploads. Any number of threads may hold the same name.

    A name is held from before its file exists until it is in the database. A file is deleted only while no thread
    holds its name.
    """

    def __init__(self) -> None:
        self._holders: Counter[str] = Counter()
        self._lock = Lock()

    def take(self, name: str) -> None:
        """Hold a name until ``release``."""
        with self._lock:
            self._holders[name] += 1

    def release(self, name: str) -> None:
        """End one hold of a name."""
        with self._lock:
            self._holders[name] -= 1
            if not self._holders[name]:
                del self._holders[name]

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold a name while the block runs."""
        self.take(name)
        try:
            yield
        finally:
            self.release(name)

    @contextmanager
    def unless_held(self, name: str) -> Iterator[bool]:
        """Yield whether the name is free. If it is, no thread can take it until the block ends."""
        with self._lock:
            yield name not in self._holders

    @contextmanager
    def none_begin(self) -> Iterator[set[str]]:
        """Yield the names that are held. No thread can take one until the block ends."""
        with self._lock:
            yield set(self._holders)

    def names(self) -> set[str]:
        """Return the names that are held."""
        with self._lock:
            return set(self._holders)
