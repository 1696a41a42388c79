"""How a pull through cache rule and its upstream are doing, as far as asking has shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from ecr_emulator.domain.events import Event

FAILINGS = frozenset({"UpstreamAccessDenied", "UpstreamTooManyRequests", "UpstreamUnavailable"})
"""The failures that say something of the upstream. One that does not have an image is well."""


class LastError(NamedTuple):
    """What went wrong last: ECR's word for it, and ours for people."""

    at: datetime
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    """What came of asking. ``succeeded_at`` is when the upstream last answered as one that is well."""

    succeeded_at: datetime | None = None
    failing_since: datetime | None = None
    error: LastError | None = None

    def succeeded(self, now: datetime) -> Health:
        """The health after a success."""
        return replace(self, succeeded_at=now, failing_since=None)

    def failed(self, error: LastError) -> Health:
        """The health after a failure."""
        if error.code not in FAILINGS:
            return replace(self, succeeded_at=error.at, failing_since=None, error=error)
        return replace(self, failing_since=self.failing_since or error.at, error=error)

    def since(self, start: datetime) -> Health:
        """What of it happened after an instant."""
        return Health(
            self.succeeded_at if self.succeeded_at and self.succeeded_at >= start else None,
            self.failing_since if self.failing_since and self.failing_since >= start else None,
            self.error if self.error and self.error.at >= start else None,
        )

    def joined_with(self, other: Health) -> Health:
        """The health that both know of, where this one has seen more."""
        successes = [each for each in (self.succeeded_at, other.succeeded_at) if each]
        errors = [each for each in (self.error, other.error) if each]
        knows = self.succeeded_at or self.error
        return Health(
            max(successes, default=None),
            self.failing_since if knows else other.failing_since,
            max(errors, default=None),
        )


def told_by(events: Iterable[Event]) -> dict[str, Health]:
    """The health of rules by prefix, as ``ECR Pull Through Cache Action`` events tell it, oldest first."""
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
