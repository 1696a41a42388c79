"""How long an answer to a pull stays the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from ecr_emulator.ports.store import Watch
from ecr_emulator.quick_dataclasses import dataclass

LAST = datetime.max.replace(tzinfo=UTC)
"""The end of a validity that no time ends."""


@dataclass(frozen=True, slots=True)
class Validity:
    """How long the same request has the same answer: while ``watch`` is unchanged, from ``since`` up to ``until``."""

    watch: Watch
    since: datetime
    until: datetime = LAST

    def at_most(self, until: datetime) -> Validity:
        """Return the validity that also ends at another time."""
        return replace(self, until=min(self.until, until))

    def holds(self, now: datetime) -> bool:
        """Whether the answer is still the same."""
        return self.watch.is_unchanged and self.since <= now < self.until
