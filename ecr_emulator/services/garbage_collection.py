"""Garbage collection: delete abandoned uploads, layers that no image refers to, and their bytes.

ECR collects garbage by itself, so that its users need not; it does not say when.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice

from ecr_emulator.domain.image import Layer
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.domain.upload import GRACE
from ecr_emulator.ports.blobs import Blobs, BlobStore
from ecr_emulator.ports.store import Store, UnitOfWork
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.optional_writes import optional_write

FORGET = "forget-what-nobody-needs"
SWEEP = "sweep-bytes-that-nobody-needs"
INTERVAL = timedelta(hours=12)
RENEW_GRACE_AFTER = timedelta(minutes=30)
"""Age of a layer's grace from which on it begins again when a client is told that the layer is there."""
BATCH = 1_000
"""Number of blobs that are looked up in the database at a time."""


@dataclass(frozen=True, slots=True)
class Collected:
    """The numbers of deleted uploads, layers and blobs, and of the bytes that this freed."""

    uploads: int
    layers: int
    blobs: int
    bytes: int


class GarbageCollector:
    """Deletes garbage, but nothing that an image refers to, that is being uploaded, or that is being fetched.

    Files are deleted in a second step, when the transaction that removed their rows is committed.
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

    def perform_forget(self, work: UnitOfWork, task: Task, now: datetime) -> None:
        """Perform the regular task."""
        self._forget(work, now - GRACE)
        work.tasks.add(Task(SWEEP, SWEEP, task.due_at))
        work.tasks.add(Task(FORGET, FORGET, task.due_at + INTERVAL))

    def perform_sweep(self, work: UnitOfWork, _task: Task, _now: datetime) -> None:
        """Perform the second step of the regular task."""
        self._sweep(work)

    def collect(self, now: datetime, grace: timedelta = GRACE) -> Collected:
        """Collect now; ``grace`` is the time that uploads and layers must have been untouched for."""
        with self._store.writing(frees=True) as work:
            layers = self._forget(work, now - grace)
        uploads, freed = self.sweep()
        return Collected(uploads, layers, len(freed), sum(freed))

    def sweep(self) -> tuple[int, list[int]]:
        """Delete files that the database does not know; return the number of uploads, and the bytes of each blob."""
        with self._store.writing(frees=True) as work:
            return self._sweep(work)

    def _forget(self, work: UnitOfWork, before: datetime) -> int:
        work.uploads.remove_untouched(before, self._blobs.held())
        work.referrer_listings.remove_empty(before)
        return work.layers.remove_loose(before)

    def _sweep(self, work: UnitOfWork) -> tuple[int, list[int]]:
        """Delete files while the writing unit is held, so that no repository can begin to hold a blob meanwhile."""
        uploads = self._blobs.sweep(work.uploads.ids())
        digests = self._blobs.digests()
        freed: list[int] = []
        while batch := list(islice(digests, BATCH)):
            freed += delete_unused(work, self._blobs, batch)
        return uploads, freed


def delete_unused(work: UnitOfWork, blobs: Blobs, digests: Iterable[str]) -> list[int]:
    """Delete the blobs that no repository needs and no thread holds; return the bytes that each freed."""
    freed = [blobs.delete(digest) for digest in work.layers.unused(digests)]
    return [size for size in freed if size is not None]


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
