"""A hash that a second thread computes while the first one receives and writes the next bytes."""

from __future__ import annotations

import os
from collections import deque
from queue import SimpleQueue
from threading import Condition, Lock, Thread
from typing import Protocol

SMALL = 64 * 1024
"""Bytes that are hashed at once: handing fewer to another thread would take longer than hashing them."""
AHEAD = 1024 * 1024
"""Bytes of one blob that may wait for their hash. A thread that adds more waits, too."""


class Hasher(Protocol):
    """A hash object of ``hashlib``. It computes large updates without Python's global lock."""

    def update(self, data: memoryview, /) -> None:
        """Add bytes."""

    def hexdigest(self) -> str:
        """Return the hash of all bytes added."""


class ParallelHash:
    """Updates a hash object in another thread, while up to ``AHEAD`` bytes wait. Used by one thread at a time."""

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self._waiting: deque[memoryview] = deque()
        self._size = 0
        self._changed = Condition()

    def update(self, data: memoryview) -> None:
        """Add bytes, which must not change any more."""
        with self._changed:
            if not self._waiting and len(data) < SMALL:
                self._hasher.update(data)
                return
            self._changed.wait_for(lambda: self._size < AHEAD)
            self._waiting.append(data)
            self._size += len(data)
            if len(self._waiting) == 1:
                _threads.run(self)

    def result(self) -> Hasher:
        """Return the hash object with all bytes."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting)
        return self._hasher

    def hash_next(self) -> None:
        """Hash the piece that waits longest. Further pieces follow after those of other blobs."""
        self._hasher.update(self._waiting[0])
        with self._changed:
            self._size -= len(self._waiting.popleft())
            if self._waiting:
                _threads.run(self)
            self._changed.notify_all()


class _HashThreads:
    """Threads that hash pieces of all blobs in their order of arrival; started when they are needed, one for each core.

    They do not keep the process from ending.
    """

    def __init__(self) -> None:
        self._ready: SimpleQueue[ParallelHash] = SimpleQueue()
        self._have_begun = False
        self._lock = Lock()

    def run(self, hash_: ParallelHash) -> None:
        """Let a thread hash the next piece of a blob."""
        self._ready.put(hash_)
        if not self._have_begun:
            self._begin()

    def _begin(self) -> None:
        with self._lock:
            if not self._have_begun:
                self._have_begun = True
                for number in range(os.cpu_count() or 1):
                    Thread(target=self._work, name=f"blob-hash-{number}", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._ready.get().hash_next()


_threads = _HashThreads()
