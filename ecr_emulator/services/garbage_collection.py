"""Garbage collection: delete abandoned uploads, layers that no image refers to, and their bytes.

ECR collects garbage by itself, so that its users need not; it does not say when.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from ecr_emulator.domain.image import Layer
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.domain.upload import GRACE
from ecr_emulator.ports.blobs import Blobs, BlobStore
from ecr_emulator.ports.repositories import LayerPlace
from ecr_emulator.ports.store import Store, UnitOfWork
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.optional_writes import optional_write

FORGET = "forget-what-nobody-needs"
SWEEP = "sweep-bytes-that-nobody-needs"
INTERVAL = timedelta(hours=12)
RENEW_GRACE_AFTER = timedelta(minutes=30)
"""Age of a layer's grace from which on it begins again when a client is told that the layer is there."""
LAYERS = 2_000
"""Number of layers that a transaction looks at."""
BATCH = 500
"""Number of blobs whose files a transaction looks at."""

Progress = dict[str, Any]
"""Progress of a task: the place of the last layer, or ``after``, the digest of the last file."""


@dataclass(frozen=True, slots=True)
class Collected:
    """The numbers of deleted uploads, layers and blobs, and of the bytes that this freed."""

    uploads: int
    layers: int
    blobs: int
    bytes: int


class _Swept(NamedTuple):
    """The uploads and the bytes of each blob that a step deleted. ``last`` is its last digest, None if none follows."""

    uploads: int
    freed: list[int]
    last: str | None


class GarbageCollector:
    """Deletes garbage, but nothing that an image refers to, that is being uploaded, or that is being fetched.

    Files are deleted when the transactions that removed their rows are committed. Each transaction looks at a bounded
    number of layers or files.
    """

    def __init__(self, store: Store, blobs: BlobStore) -> None:
        self._store = store
        self._blobs = blobs

    def schedule(self, now: datetime) -> None:
        """Schedule a collection twice a day. A collection that is scheduled earlier stays."""
        with self._store.writing() as work:
            known = work.tasks.find(FORGET)
            if known is None or known.due_at > now + INTERVAL:
                work.tasks.add(Task(FORGET, FORGET, now + INTERVAL))

    def perform_forget(self, work: UnitOfWork, task: Task, now: datetime) -> Progress | None:
        """Perform a step of the regular task: remove the rows of garbage. Return the progress."""
        progress = task.arguments.get("progress")
        _, last = self._forget(work, now - GRACE, LayerPlace(**progress) if progress else None)
        if last:
            return last._asdict()
        work.tasks.add(Task(SWEEP, SWEEP, task.due_at))
        work.tasks.add(Task(FORGET, FORGET, task.due_at + INTERVAL))
        return None

    def perform_sweep(self, work: UnitOfWork, task: Task, _now: datetime) -> Progress | None:
        """Perform a step of the second regular task: delete files that no row names. Return the progress."""
        progress = task.arguments.get("progress")
        swept = self._sweep(work, progress["after"] if progress else None)
        return {"after": swept.last} if swept.last else None

    def collect(self, now: datetime, grace: timedelta = GRACE) -> Collected:
        """Collect now; ``grace`` is the time that uploads and layers must have been untouched for."""
        layers, last = self._forget_some(now - grace, None)
        while last:
            removed, last = self._forget_some(now - grace, last)
            layers += removed
        uploads, freed = self.sweep()
        return Collected(uploads, layers, len(freed), sum(freed))

    def sweep(self) -> tuple[int, list[int]]:
        """Delete files that the database does not know; return the number of uploads, and the bytes of each blob."""
        swept = self._sweep_some(None)
        uploads, freed = swept.uploads, swept.freed
        while swept.last:
            swept = self._sweep_some(swept.last)
            freed += swept.freed
        return uploads, freed

    def _forget_some(self, before: datetime, after: LayerPlace | None) -> tuple[int, LayerPlace | None]:
        with self._store.writing(frees=True) as work:
            return self._forget(work, before, after)

    def _sweep_some(self, after: str | None) -> _Swept:
        with self._store.writing(frees=True) as work:
            return self._sweep(work, after)

    def _forget(self, work: UnitOfWork, before: datetime, after: LayerPlace | None) -> tuple[int, LayerPlace | None]:
        """Remove uploads and listings at first, and the next layers; see ``ports.repositories.Layers.remove_loose``."""
        if after is None:
            work.uploads.remove_untouched(before, self._blobs.held(work.uploads.ids()))
            work.referrer_listings.remove_empty(before)
        return work.layers.remove_loose(before, after or LayerPlace(), LAYERS)

    def _sweep(self, work: UnitOfWork, after: str | None) -> _Swept:
        """Delete files while the writing unit is held, so that no repository can begin to hold a blob meanwhile.

        The bytes of uploads are deleted at first, then those of the next blobs.
        """
        uploads = self._blobs.sweep(work.uploads.ids()) if after is None else 0
        digests = list(islice(self._blobs.digests(after or ""), BATCH))
        freed = delete_unused(work, self._blobs, digests)
        return _Swept(uploads, freed, digests[-1] if len(digests) == BATCH else None)


def delete_unused(work: UnitOfWork, blobs: Blobs, digests: Iterable[str]) -> list[int]:
    """Delete the blobs that no repository needs and no thread holds; return the bytes that each freed."""
    return blobs.delete(work.layers.unused(digests))


def next_renewal(layer: Layer) -> datetime:
    """Return the time up to which ``renew_grace`` need not begin the grace of a stored layer again."""
    assert layer.given_at is not None
    return layer.given_at + RENEW_GRACE_AFTER


def renew_grace(store: Store, repository: Repository, layers: Iterable[Layer], now: datetime) -> set[str]:
    """Begin the grace of layers again for a client that is told that they exist: it may push their manifest next.

    Returns the digests of those that a collection has deleted meanwhile.
    """
    gone: set[str] = set()
    stale = [layer for layer in layers if layer.given_at and now >= next_renewal(layer)]
    if stale:
        with optional_write(f"the new grace of layers of {repository.name}"), store.writing(waits=False) as work:
            gone = {layer.digest for layer in stale if not work.layers.touch(repository, layer.digest, now)}
    return gone
