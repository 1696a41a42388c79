"""The validation timer of cached tags: 24 hours after a check, the upstream is asked again.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

REVALIDATE_AFTER = timedelta(hours=24)
"""How long a cached tag is served without asking its upstream."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When a tag was validated that was pushed here and never seen upstream."""


@dataclass(frozen=True, slots=True)
class Validation:
    """When a cached tag was last known to be what the upstream has, and what came of asking since.

    ``validated_at`` is the last success. ``attempted_at`` and ``failures`` describe the attempts after it.
    """

    validated_at: datetime
    attempted_at: datetime | None = None
    failures: int = 0
    last_error: str | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether the upstream must be asked before this tag is served again.

        After a failed attempt the next one waits: a minute, then twice as long each time, at most an hour.
        """
        if now - self.validated_at < REVALIDATE_AFTER:
            return False
        if self.attempted_at is None or self.failures == 0:
            return True
        pause = timedelta(minutes=min(2 ** (self.failures - 1), 60))
        return now - self.attempted_at >= pause

    def failed(self, reason: str, now: datetime) -> Validation:
        """The same after another attempt that failed."""
        return replace(self, attempted_at=now, failures=self.failures + 1, last_error=reason)
