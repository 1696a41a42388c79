"""The wiring of background work."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ecr_emulator.companion_parts import CompanionParts
from ecr_emulator.pull_through_parts import PullThroughParts
from ecr_emulator.scanner_parts import open_scanner
from ecr_emulator.services.access import admits_replica
from ecr_emulator.services.background import Background
from ecr_emulator.services.garbage_collection import GarbageCollector
from ecr_emulator.services.replicas import Replicas
from ecr_emulator.services.signatures import Signatures
from ecr_emulator.settings import Settings
from ecr_emulator.state_parts import StateParts


def open_background(  # noqa: PLR0913, PLR0917 - each part has one job
    settings: Settings,
    data_dir: Path,
    state: StateParts,
    signatures: Signatures,
    cache: PullThroughParts,
    companions: CompanionParts,
    collector: GarbageCollector,
) -> Background:
    """Return the background work as the settings want it. Without IAM, every registry takes replicas.

    Raises ``UnreadableVulnerabilities``.
    """
    return Background(
        state.store,
        collector,
        timedelta(seconds=settings.background_delay),
        Replicas(cache.new_repositories, *((admits_replica,) if companions.access else ())),
        incoming=cache.cache.updates.digests,
        keys=companions.keys,
        signatures=signatures,
        scanner=open_scanner(settings, data_dir, state.store, state.blobs),
    )
