"""What nobody needs any more: abandoned uploads, layers that no image refers to, and their bytes.

ECR does not say when it does this; that users need not is what makes it a registry without maintenance.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from ecr_emulator.domain.image import Layer
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.ports.blobs import BlobStore
from ecr_emulator.ports.store import Store, UnitOfWork
from ecr_emulator.services.records import if_there_is_room

FORGET = "forget-what-nobody-needs"
SWEEP = "sweep-bytes-that-nobody-needs"
INTERVAL = timedelta(hours=12)
GRACE = timedelta(hours=26)
"""Uploads that stand still for so long are given up, layers go that are of no image for so long.

People move the clock by 24 or 25 hours to have tags checked again, while others push: that alone takes nothing.
"""
VOUCHED = timedelta(minutes=30)
"""A client that hears that a layer is there may count on it: its grace begins again, unless it began this recently."""
BATCH = 1_000
"""So many blobs are judged at a time."""


@dataclass(frozen=True, slots=True)
class Collected:
    """How many of each are gone, and how many bytes of the disk that freed."""

    uploads: int
    layers: int
    blobs: int
    bytes: int


class Collector:
    """Removes what nobody needs, never what an image refers to, what is being uploaded, or what is being fetched.

    Bytes go in a second step, when it is certain that the database knows nothing of them any more.
    """

    def __init__(self, store: Store, blobs: BlobStore) -> None:
        self._store = store
        self._blobs = blobs

    def schedule(self, now: datetime) -> None:
        """Have it done twice a day from now on, or go on as it was scheduled, unless that is further ahead."""
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
        """Perform the task that the regular one leaves."""
        self._sweep(work)

    def collect(self, now: datetime, grace: timedelta = GRACE) -> Collected:
        """Do it now, with what nobody has touched for the time of grace."""
        with self._store.writing(frees=True) as work:
            layers = self._forget(work, now - grace)
        uploads, freed = self.sweep()
        return Collected(uploads, layers, len(freed), sum(freed))

    def sweep(self) -> tuple[int, list[int]]:
        """Remove the bytes that the database knows nothing of: of how many uploads, and how many of each blob."""
        with self._store.writing(frees=True) as work:
            return self._sweep(work)

    def _forget(self, work: UnitOfWork, before: datetime) -> int:
        work.uploads.remove_untouched(before, self._blobs.held())
        work.referrer_listings.remove_empty(before)
        return work.layers.remove_loose(before)

    def _sweep(self, work: UnitOfWork) -> tuple[int, list[int]]:
        """Nobody can give a blob to a repository meanwhile: there is one unit that writes."""
        uploads = self._blobs.sweep(work.uploads.ids())
        digests = self._blobs.digests()
        freed: list[int] = []
        while batch := list(islice(digests, BATCH)):
            freed += delete_unused(work, self._blobs, batch)
        return uploads, freed


def delete_unused(work: UnitOfWork, blobs: BlobStore, digests: Iterable[str]) -> list[int]:
    """Delete those of some blobs that no repository needs and nobody holds; how many bytes of each that freed."""
    freed = [blobs.delete(digest) for digest in work.layers.unused(digests)]
    return [size for size in freed if size is not None]


def vouch(store: Store, repository: Repository, layers: Iterable[Layer], now: datetime) -> set[str]:
    """Keep layers for a client that is told that they are there: it will push their manifest next.

    Returns the digests of those that are there no more: a collection may have come in between.
    """
    gone: set[str] = set()
    stale = [layer for layer in layers if layer.given_at and now - layer.given_at > VOUCHED]
    if stale:
        with if_there_is_room(f"who asked for layers of {repository.name}"), store.writing(waits=False) as work:
            gone = {layer.digest for layer in stale if not work.layers.touch(repository, layer.digest, now)}
    return gone
