"""Which files of the blob store are in use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Holds:
    """Names that somebody holds: digests of blobs, ids of uploads. Any number may hold the same one.

    A name is held from before its file exists until the database knows of it. Files go only while nobody holds theirs.
    """

    def __init__(self) -> None:
        self._holders: Counter[str] = Counter()
        self._lock = Lock()

    def take(self, name: str) -> None:
        """Hold a name; ``release`` ends it."""
        with self._lock:
            self._holders[name] += 1

    def release(self, name: str) -> None:
        """Hold a name no more."""
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
        """Whether nobody holds a name; nobody does until the block ends."""
        with self._lock:
            yield name not in self._holders

    def names(self) -> set[str]:
        """The names that somebody holds."""
        with self._lock:
            return set(self._holders)
