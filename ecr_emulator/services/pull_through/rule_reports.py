"""How the pull through cache rules of a registry are doing, for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.upstream_health import Health
from ecr_emulator.ports.store import Store
from ecr_emulator.ports.upstream import UpstreamState
from ecr_emulator.services.pull_through.upstream_health import WatchedUpstreams

UNKNOWN = "unknown"
OK = "ok"
FAILING = "failing"
BREAKER_OPEN = "breaker open"
RATE_LIMITED = "rate limited"


@dataclass(frozen=True, slots=True)
class RuleReport:
    """One rule, its upstream and how asking went. ``until`` is when the upstream is asked again, if it is not now."""

    rule: PullThroughRule
    health: Health
    upstream: UpstreamState
    now: datetime

    @property
    def state(self) -> str:
        """The state in a word or two; unknown is a rule whose upstream nobody has asked yet."""
        if self.upstream.limited:
            return RATE_LIMITED
        if self.upstream.broken is not None:
            return BREAKER_OPEN
        if self.health.failing_since:
            return FAILING
        return OK if self.health.succeeded_at else UNKNOWN

    @property
    def until(self) -> datetime | None:
        """When a rest is over."""
        rest = self.upstream.limited or self.upstream.broken
        return self.now + timedelta(seconds=rest) if rest else None


class RuleReports:
    """What the operator may know of rules without asking an upstream."""

    def __init__(self, store: Store, upstreams: WatchedUpstreams) -> None:
        self._store = store
        self._upstreams = upstreams

    def of(self, registry: Registry, now: datetime) -> list[RuleReport]:
        """One report for each rule of a registry, in order of prefix."""
        with self._store.reading() as work:
            rules = work.rules.all(registry)
        health = self._upstreams.health(registry)
        return [RuleReport(rule, health(rule), self._upstreams.state(rule), now) for rule in rules]

    def registries(self) -> list[Registry]:
        """The registries that have rules."""
        with self._store.reading() as work:
            return work.rules.registries()
