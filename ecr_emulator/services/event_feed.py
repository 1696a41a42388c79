"""Waiting for events, for threads that pass them on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Condition
from time import monotonic

from ecr_emulator.domain.events import Event
from ecr_emulator.ports.nodes import OtherNodes
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.time import Clock
from ecr_emulator.services.due_work import DueWork

SHORTEST_WAIT = 0.05
"""Seconds between two looks whether due tasks are being performed."""
NO_EVENT = 2**63 - 1
"""A key that no event reaches, for waits that end otherwise."""
LONGEST_WAIT = 30.0
"""Seconds after which the clock is read again, because it may have been moved."""
NEWS_SECONDS = 0.1
"""Seconds between two looks whether other nodes have committed something."""


class EventFeed:
    """Lets threads wait for the events of later commits, of this node and of the others.

    While a thread waits, due background work is performed at its time. Without a waiting thread it is performed with
    the next requests, and a receiver that sends no requests would never get the events of that work.
    """

    def __init__(self, due_work: DueWork, clock: Clock, other_nodes: OtherNodes | None) -> None:
        self._due_work = due_work
        self._clock = clock
        self._other_nodes = other_nodes
        self._longest_wait = NEWS_SECONDS if other_nodes else LONGEST_WAIT
        self._changed = Condition()
        self._newest = 0

    def wait(self, after: int, seconds: float, is_over: Callable[[], bool]) -> bool:
        """Wait until an event after the one with the key ``after`` is committed, and return True.

        Return False after so many seconds, or when ``is_over`` becomes true; ``wake`` looks at it again. Only events
        that were committed since the start of the process end a wait: a caller first reads the earlier ones.
        """
        deadline = monotonic() + seconds
        while not is_over():
            if self._other_nodes:
                with suppress(StorageFailure):  # it passes, and the wait goes on
                    self._other_nodes.catch_up()
            self._due_work.continue_beside(self._clock.now())
            with self._changed:
                if self._newest > after:
                    return True
                left = deadline - monotonic()
                if left <= 0 or is_over():
                    break
                self._changed.wait(min(left, self._seconds_until_due()))
        return False

    def wake(self) -> None:
        """Let waiting threads look whether their wait is over."""
        with self._changed:
            self._changed.notify_all()

    def _seconds_until_due(self) -> float:
        due = self._due_work.seconds_until_due(self._clock.now())
        return self._longest_wait if due is None else min(max(due, SHORTEST_WAIT), self._longest_wait)

    def note(self, events: Sequence[Event]) -> None:
        """Tell waiting threads of a commit, which may have changed tasks only."""
        with self._changed:
            if events:
                self._newest = max(self._newest, events[-1].key)
            self._changed.notify_all()

    def note_newest(self, key: int) -> None:
        """Tell waiting threads of the newest event, which another node may have committed."""
        with self._changed:
            self._newest = max(self._newest, key)
            self._changed.notify_all()
