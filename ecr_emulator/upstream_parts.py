"""The wiring of everything that asks upstreams."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ecr_emulator.domain.unknown_hosts import mapping_warnings
from ecr_emulator.injected_faults import InjectedFaults
from ecr_emulator.ports.secrets import SecretSource
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services import Services
from ecr_emulator.services.cache_history import CacheHistory
from ecr_emulator.services.pull_through import RuleReports, WatchedUpstreams
from ecr_emulator.settings import Settings
from ecr_emulator.storage.units import Units
from ecr_emulator.system import SystemClock
from ecr_emulator.upstream.addresses import UpstreamMap
from ecr_emulator.upstream.client import HttpUpstreams
from ecr_emulator.upstream.hosts import UpstreamHosts
from ecr_emulator.upstream.private_registries import PrivateRegistries
from ecr_emulator.upstream.retries import Retries

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UpstreamParts:
    """The upstreams over HTTP, all upstreams with their health, reports on rules, what is set for hosts, and the
    history of the cache."""

    http: HttpUpstreams
    watched: WatchedUpstreams
    rule_reports: RuleReports
    hosts: UpstreamHosts
    history: CacheHistory


def open_upstreams(  # noqa: PLR0913 - each part has one job
    settings: Settings,
    clock: SystemClock,
    store: Units,
    *,
    secrets: SecretSource,
    retries: Retries,
    faults: InjectedFaults,
    services: Callable[[], Services],
) -> UpstreamParts:
    """Return the upstreams that the settings describe. ``services`` is first called when an upstream is asked."""
    addresses = UpstreamMap(settings.upstream_map)
    history = CacheHistory(clock.now)
    http = HttpUpstreams(secrets, addresses, retries, faults.upstreams, history=history, offline=settings.offline)
    for sentence in mapping_warnings(settings.upstream_map, settings.allow_upstream):
        log.warning(sentence)
    watched = WatchedUpstreams(PrivateRegistries(http, addresses, services), store, clock)
    reports = RuleReports(store, watched)
    hosts = UpstreamHosts(addresses, faults.upstreams, settings.allow_upstream, reports.hosts, http.forget_hosts)
    return UpstreamParts(http, watched, reports, hosts, history)
