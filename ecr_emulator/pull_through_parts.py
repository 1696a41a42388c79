"""The wiring of the pull through cache."""

from __future__ import annotations

from pathlib import Path

from ecr_emulator.companion_parts import CompanionParts
from ecr_emulator.domain.import_policy import OFF, ImportPolicy
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.garbage_collection import GarbageCollector
from ecr_emulator.services.pull_through import (
    ONE_NODE,
    BlobDownloads,
    FetchTurns,
    PullThrough,
    Referrers,
    SharedFetchTurns,
    WaitingClients,
    WatchedUpstreams,
)
from ecr_emulator.services.repositories import NewRepositories
from ecr_emulator.settings import Settings
from ecr_emulator.state_parts import StateParts
from ecr_emulator.system import RandomIds, SystemClock


@dataclass(frozen=True)
class PullThroughParts:
    """The cache, its downloads of blobs, its listings of referrers, and the repositories that it creates."""

    downloads: BlobDownloads
    referrers: Referrers
    new_repositories: NewRepositories
    cache: PullThrough


def open_pull_through(  # noqa: PLR0913, PLR0917 - each part has one job
    settings: Settings,
    clock: SystemClock,
    state: StateParts,
    ids: RandomIds,
    upstreams: WatchedUpstreams,
    companions: CompanionParts,
    collector: GarbageCollector,
) -> PullThroughParts:
    """Return the cache that the settings describe. Garbage is collected when the disk is full."""
    store, turns = state.store, _fetch_turns(settings, state, ids)
    waiting = WaitingClients(max(1, settings.threads // 4))  # half of the pulls that are admitted
    make_room = lambda: collector.collect(clock.now())  # noqa: E731 - a name for it would say nothing more
    downloads = BlobDownloads(store, state.blobs, ids, clock, upstreams, make_room, waiting=waiting, turns=turns)
    policy = ImportPolicy(settings.import_mode, settings.import_referrers)
    referrers = Referrers(store, upstreams, policy.referrers != OFF, waiting, turns)
    new = NewRepositories(companions.keys, companions.access)
    cache = PullThrough(store, clock, upstreams, downloads, referrers, new_repositories=new, policy=policy, turns=turns)
    return PullThroughParts(downloads, referrers, new, cache)


def _fetch_turns(settings: Settings, state: StateParts, ids: RandomIds) -> FetchTurns:
    """Return the turns of this node and others to fetch from upstreams."""
    if state.locks is None or settings.blobs is None:
        return ONE_NODE
    from ecr_emulator.storage.blobs.arriving import ArrivingFiles, NoneArriving
    from ecr_emulator.storage.postgres.claims import SessionClaims
    from ecr_emulator.storage.postgres.fetch_failures import FetchFailures

    claims, failures = SessionClaims(state.locks), FetchFailures(state.store)
    arriving = ArrivingFiles(settings.blobs) if isinstance(settings.blobs, Path) else NoneArriving()
    return SharedFetchTurns(claims, failures, arriving, ids)
