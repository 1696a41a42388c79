"""The files of the blob store that are in use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import Protocol


class Holds(Protocol):
    """Names in use: digests of blobs and ids of uploads. Any number of threads may hold the same name.

    A name is held from before its file exists until it is in the database. A file is deleted only while no thread
    holds its name. ``are_shared`` if that is true of the threads of other nodes, too.
    """

    are_shared: bool

    def take(self, name: str) -> None:
        """Hold a name until ``release``."""

    def release(self, name: str) -> None:
        """End one hold of a name."""

    def hold(self, name: str) -> AbstractContextManager[None]:
        """Hold a name while the block runs."""

    def unheld(self, names: Iterable[str]) -> Generator[set[str], None, None]:
        """Yield sets of those names that are free. No thread can take a name of a set until the next set is asked for.

        The caller closes the generator, so that an exception blocks no name.
        """

    def is_unbroken(self, name: str) -> bool:
        """Return whether a name that is held, or of the last set of ``unheld``, has been so all the time.

        It may not have been if a connection was lost. Raises ``StorageFailure``.
        """

    def held(self, names: Iterable[str]) -> set[str]:
        """Return those of the names that are held."""


class LocalHolds:
    """``Holds`` of the threads of this process."""

    are_shared = False

    def __init__(self) -> None:
        self._holders: Counter[str] = Counter()
        self._lock = Lock()

    def take(self, name: str) -> None:
        with self._lock:
            self._holders[name] += 1

    def release(self, name: str) -> None:
        with self._lock:
            self._holders[name] -= 1
            if not self._holders[name]:
                del self._holders[name]

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        self.take(name)
        try:
            yield
        finally:
            self.release(name)

    def unheld(self, names: Iterable[str]) -> Generator[set[str], None, None]:
        """See ``Holds.unheld``; each set has one name, because all threads that take a name wait meanwhile."""
        for name in names:
            with self._lock:
                if name not in self._holders:
                    yield {name}

    def is_unbroken(self, name: str) -> bool:
        """Return True: no connection can be lost."""
        return True

    @contextmanager
    def none_begin(self) -> Iterator[set[str]]:
        """Yield the names that are held. No thread can take one until the block ends."""
        with self._lock:
            yield set(self._holders)

    def held(self, names: Iterable[str]) -> set[str]:
        with self._lock:
            return self._holders.keys() & names
