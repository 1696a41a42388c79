"""The validation timer of cached tags. A tag is checked at its upstream again after 24 hours.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ecr_emulator.quick_dataclasses import dataclass

REVALIDATE_AFTER = timedelta(hours=24)
"""Time for which a cached tag is served without a request to its upstream."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of validation of a tag that was pushed to the emulator and never seen upstream."""


@dataclass(frozen=True, slots=True)
class Validation:
    """The last successful check of a cached tag at its upstream (``validated_at``), and the failures after it.

    ``attempted_at`` is the time of the last failed check, ``failures`` the number of failed checks since the success.
    """

    validated_at: datetime
    attempted_at: datetime | None = None
    failures: int = 0
    last_error: str | None = None

    @property
    def due_at(self) -> datetime:
        """The time from which the tag must be checked at the upstream before it is served again.

        After a failed check, the next check follows in a minute. This time doubles with each failure, to at most an
        hour.
        """
        due_at = self.validated_at + REVALIDATE_AFTER
        if self.attempted_at is None or self.failures == 0:
            return due_at
        pause = timedelta(minutes=min(2 ** (self.failures - 1), 60))
        return max(due_at, self.attempted_at + pause)

    def is_due(self, now: datetime) -> bool:
        """Whether the tag must be checked at the upstream before it is served again."""
        return now >= self.due_at

    def failed(self, reason: str, now: datetime) -> Validation:
        """Return the validation after another failed check."""
        return replace(self, attempted_at=now, failures=self.failures + 1, last_error=reason)
