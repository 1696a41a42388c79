"""The wiring of the pull through cache."""

from __future__ import annotations

from ecr_emulator.companion_parts import CompanionParts
from ecr_emulator.domain.import_policy import OFF, ImportPolicy
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.garbage_collection import GarbageCollector
from ecr_emulator.services.pull_through import BlobDownloads, PullThrough, Referrers, WaitingClients, WatchedUpstreams
from ecr_emulator.services.repositories import NewRepositories
from ecr_emulator.settings import Settings
from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.storage.units import Units
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
    store: Units,
    blobs: FileBlobs,
    ids: RandomIds,
    upstreams: WatchedUpstreams,
    companions: CompanionParts,
    collector: GarbageCollector,
) -> PullThroughParts:
    """Return the cache that the settings describe. Garbage is collected when the disk is full."""
    waiting = WaitingClients(max(1, settings.threads // 4))  # half of the pulls that are admitted
    downloads = BlobDownloads(
        store, blobs, ids, clock, upstreams, make_room=lambda: collector.collect(clock.now()), waiting=waiting
    )
    policy = ImportPolicy(settings.import_mode, settings.import_referrers)
    referrers = Referrers(store, upstreams, policy.referrers != OFF, waiting)
    new = NewRepositories(companions.keys, companions.access)
    cache = PullThrough(store, clock, upstreams, downloads, referrers, new_repositories=new, policy=policy)
    return PullThroughParts(downloads, referrers, new, cache)
