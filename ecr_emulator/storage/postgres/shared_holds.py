"""The files of a blob store that any node uses."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

from ecr_emulator.storage.postgres.session_locks import SessionLocks

AT_ONCE = 500
"""Number of names whose locks are taken in one request to the server, which has room for some thousands of locks."""


class SharedHolds:
    """``storage.blobs.holds.Holds`` of all nodes. A name that is held is a shared lock of that name."""

    are_shared = True

    def __init__(self, locks: SessionLocks) -> None:
        self._locks = locks

    def take(self, name: str) -> None:
        self._locks.take_shared(name)

    def release(self, name: str) -> None:
        self._locks.release_shared(name)

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        self.take(name)
        try:
            yield
        finally:
            self.release(name)

    def unheld(self, names: Iterable[str]) -> Generator[set[str], None, None]:
        remaining = iter(names)
        while some := list(islice(remaining, AT_ONCE)):
            with self._locks.exclusively(some) as free:
                yield free

    def held(self, names: Iterable[str]) -> set[str]:
        return self._locks.held(names)

    def is_unbroken(self, name: str) -> bool:
        """See ``Holds.is_unbroken``; asks the server."""
        return self._locks.is_unbroken(name)
