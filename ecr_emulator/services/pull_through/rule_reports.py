"""Reports on the pull through cache rules of a registry: the state of their upstreams, for people."""

from __future__ import annotations

from datetime import datetime, timedelta

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.upstream_health import Health
from ecr_emulator.ports.store import Store
from ecr_emulator.ports.upstream import UpstreamState
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.pull_through.upstream_health import WatchedUpstreams

UNKNOWN = "unknown"
OK = "ok"
FAILING = "failing"
BREAKER_OPEN = "breaker open"
RATE_LIMITED = "rate limited"


@dataclass(frozen=True, slots=True)
class RuleReport:
    """A rule, the state of its upstream, and the results of its last requests."""

    rule: PullThroughRule
    health: Health
    upstream: UpstreamState
    now: datetime

    @property
    def state(self) -> str:
        """The state in a word or two; ``unknown`` if the upstream has not been asked yet."""
        if self.upstream.limited:
            return RATE_LIMITED
        if self.upstream.broken is not None:
            return BREAKER_OPEN
        if self.health.failing_since:
            return FAILING
        return OK if self.health.succeeded_at else UNKNOWN

    @property
    def until(self) -> datetime | None:
        """When the upstream will be asked again; None if it may be asked now."""
        rest = self.upstream.limited or self.upstream.broken
        return self.now + timedelta(seconds=rest) if rest else None


class RuleReports:
    """Reports on rules. No upstream is asked for them."""

    def __init__(self, store: Store, upstreams: WatchedUpstreams) -> None:
        self._store = store
        self._upstreams = upstreams

    def of(self, registry: Registry, now: datetime) -> list[RuleReport]:
        """Return one report for each rule of a registry, in order of prefix."""
        with self._store.reading() as work:
            rules = work.rules.all(registry)
        health = self._upstreams.health(registry)
        return [RuleReport(rule, health(rule), self._upstreams.state(rule), now) for rule in rules]

    def registries(self) -> list[Registry]:
        """Return the registries that have rules."""
        with self._store.reading() as work:
            return work.rules.registries()

    def hosts(self) -> set[str]:
        """Return the hosts of the upstreams that rules of any registry name."""
        with self._store.reading() as work:
            return {rule.url for registry in work.rules.registries() for rule in work.rules.all(registry)}
