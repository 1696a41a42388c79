"""Claims of nodes: exclusive session locks, which end with the connection of the node that holds them."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from threading import Condition, Thread

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.postgres.session_locks import SessionLocks

PAUSE = 0.02
"""Seconds between two looks whether a claim is free."""


class SessionClaims:
    """``ports.shared_fetches.Claims`` by the locks of a node.

    One thread waits for all claims that other nodes have, and only while there are any. A server cannot tell on the
    connection of the locks when a lock is free: a query that waits for one lock would delay all others.
    """

    def __init__(self, locks: SessionLocks) -> None:
        self._locks = locks
        self._waiting: dict[str, list[Future[None]]] = {}
        self._changed = Condition()
        self._thread: Thread | None = None
        self._is_closed = False

    def take(self, name: str) -> bool:
        return self._locks.try_exclusive(_lock(name))

    def when_free(self, name: str) -> Future[None]:
        turn: Future[None] = Future()
        with self._changed:
            if self._is_closed:
                turn.cancel()
                return turn
            self._waiting.setdefault(name, []).append(turn)
            if self._thread is None:
                self._thread = Thread(target=self._wait, name="claims", daemon=True)
                self._thread.start()
        return turn

    def are_taken(self, names: set[str]) -> set[str]:
        held = self._locks.held(map(_lock, names))
        return {name for name in names if _lock(name) in held}

    def release(self, name: str) -> None:
        self._locks.release_exclusive(_lock(name))

    def close(self) -> None:
        """Cancel what waits for claims."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread and thread is not threading.current_thread():
            thread.join()

    def _wait(self) -> None:
        """Try to take the claims that are waited for, until nothing waits any more."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_closed, PAUSE)
                if self._is_closed or not self._waiting:
                    self._thread = None
                    cancelled = [turn for turns in self._waiting.values() for turn in turns]
                    self._waiting.clear()
                    break
                names = list(self._waiting)
            for name in names:
                self._try(name)
        for turn in cancelled:
            turn.cancel()

    def _try(self, name: str) -> None:
        """Give a claim to the first that waits for it, if it is free."""
        try:
            if not self.take(name):
                return
        except StorageFailure as failure:
            for turn in self._remove(name):
                turn.set_exception(failure)
        else:
            self._remove(name, 1)[0].set_result(None)

    def _remove(self, name: str, count: int | None = None) -> list[Future[None]]:
        """Remove and return those that have waited longest for a claim."""
        with self._changed:
            turns = self._waiting.pop(name)
            first, rest = turns[:count], turns[count:] if count else []
            if rest:
                self._waiting[name] = rest
        return first


def _lock(name: str) -> str:
    return f"fetch {name}"
