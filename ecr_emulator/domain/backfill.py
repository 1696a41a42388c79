"""Replication backfills: images that were there before the configuration, replicated to one destination.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication-backfill.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ecr_emulator.domain.names import Registry

KEPT = timedelta(days=90)
"""How long a backfill that has ended can still be described."""
MAX_RUNNING = 10
"""The most backfills of a registry that run at the same time."""

RUNNING = frozenset({"PREPARING", "IN_PROGRESS"})
TERMINAL = frozenset({"COMPLETE", "FAILED", "STOPPED"})
MIN_PROCESSED = 100
"""Failures end a backfill only after so many replications, and if they are at least half of them."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """One backfill. A replication is one image under one tag, as DescribeReplicationBackfillResults tells it; those
    that are still to be done have no ``status``."""

    id: str
    registry: Registry
    destination: Registry
    status: str
    started_at: datetime
    failure_code: str | None = None
    ended_at: datetime | None = None
    replications: tuple[dict[str, Any], ...] = ()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.status in RUNNING

    @property
    def has_ended(self) -> bool:
        """Whether its results are final."""
        return self.status in TERMINAL

    def count(self, status: str | None) -> int:
        """How many replications have a status."""
        return sum(replication.get("status") == status for replication in self.replications)

    def is_forgotten(self, now: datetime) -> bool:
        """Whether it ended so long ago that nobody can ask for it any more."""
        return self.ended_at is not None and now - self.ended_at > KEPT


def has_failed(failed: int, processed: int) -> bool:
    """Whether so many replications have failed, of those processed, that a backfill ends."""
    return processed >= MIN_PROCESSED and failed * 2 >= processed
