"""Due background work and requests: a request finds what is due to it done, and does not wait for the rest.

docs/decisions/0038-requests-wait-for-what-they-look-at.md
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from threading import Condition

from ecr_emulator.domain.task import Scope
from ecr_emulator.ports.time import Clock
from ecr_emulator.services.background import SCANS, Background, Outcome
from ecr_emulator.services.background_thread import BackgroundThread
from ecr_emulator.services.lifecycle import EVALUATE, PREVIEW

STEPS = 10
"""Maximum number of steps of other work that a request performs. It performs one at most of a task that needs more."""

WITHIN_REPOSITORIES = SCANS | {EVALUATE, PREVIEW}
"""Kinds of tasks whose results are seen only by requests that name their repository."""


class DueWork:
    """Performs due tasks before and beside requests."""

    def __init__(self, background: Background, clock: Clock) -> None:
        self._background = background
        self._clock = clock
        self._changed = Condition()
        self._worked_on: set[Scope | None] = set()
        self._thread = BackgroundThread(self._step)
        background.call_after_waiting(lambda: self.continue_beside(clock.now()))

    def complete(self, now: datetime, *scopes: Scope) -> datetime:
        """Perform what is due in the parts of the state that a request looks at, and a little of what is due elsewhere.

        Returns the time to which they are complete: ``now``, or later if the request had to wait.
        """
        if not self._background.is_due(now):
            return now
        for scope in scopes:
            if self._background.is_due_in(scope, now):
                now = self._complete(scope, now)
        self.take_steps(now)
        return now

    def complete_everything(self, now: datetime) -> datetime:
        """Perform everything that is due; return the time to which the state is complete."""
        return self._complete(None, now) if self._background.is_due(now) else now

    def take_steps(self, now: datetime) -> None:
        """Perform a few steps of what is due anywhere, and leave the rest to a thread.

        While another thread performs steps, this one does not wait for its turn.
        """
        if self._thread.is_running:
            return
        for _ in range(STEPS):
            if not self._background.is_due(now):
                return
            if self._background.is_stepping:
                break
            outcome = self._background.step(now, takes_long=False)
            if outcome is Outcome.NOTHING:
                return
            if outcome is not Outcome.DONE:
                break
        if self._background.is_due(now):
            self._thread.start()

    def continue_beside(self, now: datetime) -> None:
        """Let a thread perform what is due."""
        if self._background.is_due(now):
            self._thread.start()

    def is_due_in(self, scope: Scope, now: datetime) -> bool:
        """Whether something is due in a part of the state. What is due elsewhere is left to a thread."""
        if not self._background.is_due(now):
            return False
        self._thread.start()
        return self._background.is_due_in(scope, now)

    def seconds_until_due(self, now: datetime) -> float | None:
        """Return the seconds until the next task is due, not positive if one is due; None if there is no task."""
        return self._background.seconds_until_due(now)

    def stopped(self) -> AbstractContextManager[None]:
        """Let the thread perform nothing while the block runs."""
        return self._thread.stopped()

    def close(self) -> None:
        """End the thread and its current scan. What is left to do is done after the next start."""
        self._background.close()
        self._thread.close()

    def _complete(self, scope: Scope | None, now: datetime) -> datetime:
        with self._alone(scope):
            while self._background.step(now, scope) is not Outcome.NOTHING:
                now = max(now, self._clock.now())
        return now

    @contextmanager
    def _alone(self, scope: Scope | None) -> Iterator[None]:
        """Let one thread at a time work on a part of the state; the others wait, and find it complete.

        If all of them took steps, other writers would wait for one step of each of them.
        """
        with self._changed:
            self._changed.wait_for(lambda: scope not in self._worked_on)
            self._worked_on.add(scope)
        try:
            yield
        finally:
            with self._changed:
                self._worked_on.remove(scope)
                self._changed.notify_all()

    def _step(self) -> bool:
        now = self._clock.now()
        return self._background.is_due(now) and self._background.step(now) is not Outcome.NOTHING
