"""Replication backfills: they replicate images that existed before the configuration to one destination.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication-backfill.html
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ecr_emulator.domain.names import Registry
from ecr_emulator.quick_dataclasses import dataclass

KEPT = timedelta(days=90)
"""Time for which a backfill can be described after its end."""
MAX_RUNNING = 10
"""Maximum number of backfills of a registry that run at the same time."""

RUNNING = frozenset({"PREPARING", "IN_PROGRESS"})
TERMINAL = frozenset({"COMPLETE", "FAILED", "STOPPED"})
MIN_PROCESSED = 100
"""Number of replications after which a backfill fails if at least half of them have failed."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """One backfill. Each replication is one image under one tag, in the form of DescribeReplicationBackfillResults.
    Pending replications have no ``status``."""

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
        """Whether the backfill has not ended."""
        return self.status in RUNNING

    @property
    def has_ended(self) -> bool:
        """Whether the results of the backfill are final."""
        return self.status in TERMINAL

    def count(self, status: str | None) -> int:
        """Return the number of replications with this status; None counts the pending ones."""
        return sum(replication.get("status") == status for replication in self.replications)

    def is_forgotten(self, now: datetime) -> bool:
        """Whether the backfill ended so long ago that it can no longer be described."""
        return self.ended_at is not None and now - self.ended_at > KEPT


def has_failed(failed: int, processed: int) -> bool:
    """Whether a backfill fails after this number of failed and processed replications."""
    return processed >= MIN_PROCESSED and failed * 2 >= processed
