"""Claims of nodes: exclusive session locks, which end with the connection of the node that holds them."""

from __future__ import annotations

import logging
from collections import deque
from concurrent.futures import Future
from threading import Condition, Thread
from time import monotonic

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.postgres.session_locks import SessionLocks

log = logging.getLogger(__name__)

PAUSE = 0.02
"""Seconds between two looks whether claims are free."""
GIVE_UP = 10.0
"""Seconds for which the locks may be out of reach, for example while the server restarts, before nothing waits."""
_PREFIX = "claim "


class SessionClaims:
    """``ports.shared_fetches.Claims`` by the locks of a node.

    One thread waits for all claims that other nodes have, and only while there are any. It asks again and again: a
    query that waits for one lock would delay all others on the connection of the locks.
    """

    def __init__(self, locks: SessionLocks) -> None:
        self._locks = locks
        self._waiting: dict[str, deque[Future[None]]] = {}
        self._changed = Condition()
        self._thread: Thread | None = None
        self._is_closed = False

    def take(self, name: str) -> bool:
        return self._locks.try_exclusive(f"{_PREFIX}{name}")

    def when_free(self, name: str) -> Future[None]:
        turn: Future[None] = Future()
        with self._changed:
            if self._is_closed:
                turn.cancel()
                return turn
            self._waiting.setdefault(name, deque()).append(turn)
            if self._thread is None:
                self._thread = Thread(target=self._wait, name="claims", daemon=True)
                self._thread.start()
        return turn

    def are_taken(self, names: set[str]) -> set[str]:
        return {each.removeprefix(_PREFIX) for each in self._locks.held(f"{_PREFIX}{name}" for name in names)}

    def release(self, name: str) -> None:
        self._locks.release_exclusive(f"{_PREFIX}{name}")

    def close(self) -> None:
        """Cancel what waits for claims."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread:
            thread.join()

    def _wait(self) -> None:
        """Try to take the claims that are waited for, until nothing waits any more."""
        reached_at = monotonic()
        while names := self._names_after_pause():
            try:
                taken = self._locks.try_each(f"{_PREFIX}{name}" for name in names)
                reached_at = monotonic()
            except StorageFailure as failure:
                if monotonic() - reached_at > GIVE_UP:
                    self._fail(names, failure)
            except Exception as error:
                log.exception("the claims of nodes cannot be read")
                self._fail(names, StorageFailure(f"the claims of nodes cannot be read: {error}"))
            else:
                for name in taken:
                    self._give(name.removeprefix(_PREFIX))

    def _names_after_pause(self) -> list[str]:
        """Return the claims that are waited for after a pause; none if the thread ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed, PAUSE)
            names = [] if self._is_closed else list(self._waiting)
            cancelled = [turn for turns in self._waiting.values() for turn in turns] if self._is_closed else []
            if not names:
                self._waiting.clear()
                self._thread = None
        for turn in cancelled:
            turn.cancel()
        return names

    def _give(self, name: str) -> None:
        """Give a claim that was taken to the first that still waits for it."""
        while turn := self._next(name):
            if turn.set_running_or_notify_cancel():
                turn.set_result(None)
                return
        self.release(name)

    def _fail(self, names: list[str], failure: StorageFailure) -> None:
        for name in names:
            while turn := self._next(name):
                if turn.set_running_or_notify_cancel():
                    turn.set_exception(failure)

    def _next(self, name: str) -> Future[None] | None:
        with self._changed:
            turns = self._waiting.get(name)
            if not turns:
                return None
            turn = turns.popleft()
            if not turns:
                del self._waiting[name]
            return turn
