"""A dry run of a lifecycle policy.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/lpp_creation.html
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ecr_emulator.quick_dataclasses import dataclass

KEPT = timedelta(hours=24)
"""Time after which the results of a preview expire."""
IN_PROGRESS = "IN_PROGRESS"
COMPLETE = "COMPLETE"
EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class LifecyclePreview:
    """The preview of a repository. ``policy`` is the policy text of the request; ``results`` have the API's form, with
    times as epoch seconds."""

    policy: str
    started_at: datetime
    status: str = IN_PROGRESS
    results: tuple[dict[str, Any], ...] = ()

    def status_at(self, now: datetime) -> str:
        """Return the status at a time. A complete preview expires after ``KEPT``."""
        return EXPIRED if self.status == COMPLETE and now - self.started_at > KEPT else self.status
