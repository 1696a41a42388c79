"""The wiring of background work."""

from __future__ import annotations

from datetime import timedelta

from ecr_emulator.companion_parts import CompanionParts
from ecr_emulator.pull_through_parts import PullThroughParts
from ecr_emulator.services.access import admits_replica
from ecr_emulator.services.background import Background
from ecr_emulator.services.garbage_collection import GarbageCollector
from ecr_emulator.services.replicas import Replicas
from ecr_emulator.services.signatures import Signatures
from ecr_emulator.settings import Settings
from ecr_emulator.storage.units import Units


def open_background(
    settings: Settings,
    store: Units,
    signatures: Signatures,
    cache: PullThroughParts,
    companions: CompanionParts,
    collector: GarbageCollector,
) -> Background:
    """Return the background work as the settings want it. Without IAM, every registry takes replicas."""
    return Background(
        store,
        collector,
        timedelta(seconds=settings.background_delay),
        Replicas(cache.new_repositories, *((admits_replica,) if companions.access else ())),
        incoming=cache.cache.updates.digests,
        keys=companions.keys,
        signatures=signatures,
    )
