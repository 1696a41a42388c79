"""How long an answer to a pull stays the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from ecr_emulator.ports.store import Watch
from ecr_emulator.quick_dataclasses import dataclass

LAST = datetime.max.replace(tzinfo=UTC)
"""The end of a validity that no time ends."""


@dataclass(frozen=True, slots=True)
class Validity:
    """How long the same request has the same answer.

    That is while ``watch`` is unchanged, from ``since`` up to ``until``, and while nothing is ``awaited``: no work is
    due that may change the answer.
    """

    watch: Watch
    since: datetime
    until: datetime = LAST
    awaited: Callable[[datetime], bool] = lambda _: False

    def at_most(self, until: datetime) -> Validity:
        """Return the validity that also ends at another time."""
        return replace(self, until=min(self.until, until))

    def while_not(self, awaited: Callable[[datetime], bool]) -> Validity:
        """Return the validity that also ends when something is awaited."""
        return replace(self, awaited=awaited)

    def holds(self, now: datetime) -> bool:
        """Whether the answer is still the same."""
        return self.watch.is_unchanged and self.since <= now < self.until and not self.awaited(now)
