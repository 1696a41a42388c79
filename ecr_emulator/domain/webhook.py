"""Rules of the delivery to webhooks: what an answer means, and how long to wait before the next attempt."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

RETRIED = frozenset({408, 409, 425, 429})
"""Statuses below 500 after which the same request may succeed later."""
GONE = 410
LONGEST_PAUSE = 60.0
LONGEST_RETRY_AFTER = 300.0
GIVE_UP_AFTER = timedelta(days=1)
"""Age at which an event is no longer sent again, as by default in EventBridge."""


class Outcome(Enum):
    """The result of one attempt to send an event."""

    DELIVERED = "delivered"
    FAILED = "failed"
    """The receiver may accept the event later."""
    REFUSED = "refused"
    """The receiver does not accept this event."""
    GONE = "gone"
    """The receiver wants no more events."""


def outcome_of(status: int) -> Outcome:
    """Return what the status of an answer means. A redirect is a refusal: it would turn the request into a GET."""
    if 200 <= status < 300:
        return Outcome.DELIVERED
    if status == GONE:
        return Outcome.GONE
    return Outcome.FAILED if status >= 500 or status in RETRIED else Outcome.REFUSED


def pause_after(failures: int, retry_after: float | None = None) -> float:
    """Return the seconds to wait after so many failures: 1, 2, 4 and so on up to 60, or as the receiver asks."""
    by_default = min(2.0 ** (failures - 1), LONGEST_PAUSE) if failures < 10 else LONGEST_PAUSE
    return max(by_default, min(retry_after or 0.0, LONGEST_RETRY_AFTER))
