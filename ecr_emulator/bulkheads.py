"""Bulkheads: limits of concurrent requests, so that slow requests of one kind do not occupy all threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from threading import Condition

PATIENCE = 1.0
"""Seconds that a request in a queue waits for another one to end."""


class Bulkhead:
    """A limit of concurrent requests of one kind. A few further ones wait in a queue.

    ``named`` says in a refusal which requests are too many.
    """

    def __init__(self, named: str, limit: int, queue: int, patience: float = PATIENCE) -> None:
        self.named = named
        self.limit = limit
        self.queue = queue
        self._patience = patience
        self._running = self._waiting = 0
        self._changed = Condition()

    @property
    def has_full_queue(self) -> bool:
        """Whether a further request is refused at once."""
        return self._waiting >= self.queue

    def enter(self, waits: bool = True) -> bool:
        """Take a place, at once or, if the caller waits, when another request ends; return whether there was one."""
        with self._changed:
            if not self._has_place() and waits and not self.has_full_queue:
                self._waiting += 1
                self._changed.wait_for(self._has_place, self._patience)
                self._waiting -= 1
            if not self._has_place():
                return False
            self._running += 1
            return True

    def _has_place(self) -> bool:
        return self._running < self.limit

    def leave(self) -> None:
        """Give a place back."""
        with self._changed:
            self._running -= 1
            self._changed.notify()

    def until_sent(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """Return a body that gives a place back when it has been sent, closed or dropped."""
        return _Admitted(body, self.leave)


class _Admitted:
    """The body of an answer that has a place. Callers in this process may drop a body without closing it."""

    def __init__(self, body: Iterable[bytes], leave: Callable[[], object]) -> None:
        self._body = body
        self._parts = iter(body)
        self._leave = leave
        self._has_place = True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._parts)
        except BaseException:
            self._give_back()
            raise

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close:
                close()
        finally:
            self._give_back()

    def __del__(self) -> None:
        self._give_back()

    def _give_back(self) -> None:
        if self._has_place:
            self._has_place = False
            self._leave()
