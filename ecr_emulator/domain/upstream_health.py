"""The health of a pull through cache rule and its upstream, as known from earlier requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from ecr_emulator.domain.events import Event
from ecr_emulator.quick_dataclasses import dataclass

FAILINGS = frozenset({"UpstreamAccessDenied", "UpstreamTooManyRequests", "UpstreamUnavailable"})
"""The failures that mean an unhealthy upstream. An upstream that lacks an image is healthy."""


class LastError(NamedTuple):
    """The last failure: its time, ECR's code, and the reason for users."""

    at: datetime
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    """The results of requests. ``succeeded_at`` is the time when the upstream last gave a healthy answer."""

    succeeded_at: datetime | None = None
    failing_since: datetime | None = None
    error: LastError | None = None

    def succeeded(self, now: datetime) -> Health:
        """Return the health after a success."""
        return replace(self, succeeded_at=now, failing_since=None)

    def failed(self, error: LastError) -> Health:
        """Return the health after a failure."""
        if error.code not in FAILINGS:
            return replace(self, succeeded_at=error.at, failing_since=None, error=error)
        return replace(self, failing_since=self.failing_since or error.at, error=error)

    def since(self, start: datetime) -> Health:
        """Return the health without results from before an instant."""
        return Health(
            self.succeeded_at if self.succeeded_at and self.succeeded_at >= start else None,
            self.failing_since if self.failing_since and self.failing_since >= start else None,
            self.error if self.error and self.error.at >= start else None,
        )

    def joined_with(self, other: Health) -> Health:
        """Merge with older results. ``failing_since`` is that of ``other`` only if this health has no results."""
        successes = [each for each in (self.succeeded_at, other.succeeded_at) if each]
        errors = [each for each in (self.error, other.error) if each]
        knows = self.succeeded_at or self.error
        return Health(
            max(successes, default=None),
            self.failing_since if knows else other.failing_since,
            max(errors, default=None),
        )


def told_by(events: Iterable[Event]) -> dict[str, Health]:
    """Return the health of rules by prefix according to ``ECR Pull Through Cache Action`` events, oldest first."""
    found: dict[str, Health] = {}
    for event in events:
        prefix = event.detail["ecr-repository-prefix"]
        health = found.get(prefix, Health())
        if "failure-code" in event.detail:
            error = LastError(event.time, event.detail["failure-code"], event.detail["failure-reason"])
            found[prefix] = health.failed(error)
        else:
            found[prefix] = health.succeeded(event.time)
    return found
