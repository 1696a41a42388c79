"""Waiting for events, for threads that pass them on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Condition, Lock
from time import monotonic

from ecr_emulator.domain.events import Event
from ecr_emulator.ports.time import Clock
from ecr_emulator.services.background import Background

SHORTEST_WAIT = 0.05
"""Seconds between two attempts to perform a due task that cannot be written."""
NO_EVENT = 2**63 - 1
"""A key that no event reaches, for waits that end otherwise."""
LONGEST_WAIT = 30.0
"""Seconds after which the clock is read again, because it may have been moved."""


class EventFeed:
    """Lets threads wait for the events of later commits.

    While a thread waits, due background work is performed at its time. Without a waiting thread it is performed before
    the next request, and a receiver that sends no requests would never get the events of that work.
    """

    def __init__(self, background: Background, clock: Clock) -> None:
        self._background = background
        self._clock = clock
        self._changed = Condition()
        self._turn = Lock()
        self._newest = 0

    def wait(self, after: int, seconds: float, is_over: Callable[[], bool]) -> bool:
        """Wait until an event after the one with the key ``after`` is committed, and return True.

        Return False after so many seconds, or when ``is_over`` becomes true; ``wake`` looks at it again. Only events
        that were committed since the start of the process end a wait: a caller first reads the earlier ones.
        """
        deadline = monotonic() + seconds
        while not is_over():
            self._catch_up()
            with self._changed:
                if self._newest > after:
                    return True
                left = deadline - monotonic()
                if left <= 0 or is_over():
                    break
                self._changed.wait(min(left, self._seconds_until_due()))
        return False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let no waiting thread perform background work while the block runs."""
        with self._turn:
            yield

    def wake(self) -> None:
        """Let waiting threads look whether their wait is over."""
        with self._changed:
            self._changed.notify_all()

    def _catch_up(self) -> None:
        with self._turn:
            self._background.catch_up(self._clock.now())

    def _seconds_until_due(self) -> float:
        due = self._background.seconds_until_due(self._clock.now())
        return LONGEST_WAIT if due is None else min(max(due, SHORTEST_WAIT), LONGEST_WAIT)

    def note(self, events: Sequence[Event]) -> None:
        """Tell waiting threads of a commit, which may have changed tasks only."""
        with self._changed:
            if events:
                self._newest = events[-1].key
            self._changed.notify_all()
