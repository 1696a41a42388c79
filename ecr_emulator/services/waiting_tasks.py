"""Waiting tasks, for people: their purpose, and the time at which each is due."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.task import Task, TaskPlace
from ecr_emulator.ports.store import Store
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services import (
    backfills,
    garbage_collection,
    image_deletions,
    lifecycle,
    replication,
    signing,
    storage_classes,
)
from ecr_emulator.services.background import Background
from ecr_emulator.services.wanted_scans import BASIC_SCAN, ENHANCED_SCAN

PURPOSES = {
    backfills.PREPARE: "List the images of a replication backfill",
    backfills.RUN: "Replicate the images of a replication backfill",
    garbage_collection.FORGET: "End abandoned uploads and remove blobs that no image references",
    garbage_collection.SWEEP: "Delete the files of removed blobs",
    image_deletions.DELETE_REFERRERS: "Delete the referrers of a deleted image",
    lifecycle.EVALUATE: "Evaluate the lifecycle policy",
    lifecycle.PREVIEW: "Complete the lifecycle policy preview",
    replication.REPLICATE: "Replicate the image",
    replication.REPLICATE_DELETION: "Replicate the deletion",
    BASIC_SCAN: "Scan the image",
    ENHANCED_SCAN: "Scan the image with enhanced scanning",
    signing.KIND: "Sign the image",
    storage_classes.KIND: "Restore the archived image",
}
"""The purposes of tasks by their kinds."""
BATCH = 500
"""Number of tasks that are read at a time."""
MOST_READ = 5_000
"""Number of tasks after which a page ends, even if most of them concern other registries."""


@dataclass(frozen=True, slots=True)
class WaitingTask:
    """A task with the time at which it is performed. A task about no repository has none; other parts likewise."""

    purpose: str
    due_at: datetime
    repository: str | None = None
    digest: str | None = None
    tag: str | None = None
    destination: Registry | None = None


class TaskPage(NamedTuple):
    """Tasks in the order in which they are performed. ``after`` is where the next page begins, if there is one."""

    tasks: list[WaitingTask]
    after: TaskPlace | None


class WaitingTasks:
    """Lists the waiting tasks of a registry, and those that concern all registries."""

    def __init__(self, store: Store, background: Background) -> None:
        self._store = store
        self._background = background

    def page(self, registry: Registry, after: TaskPlace | None, limit: int) -> TaskPage:
        """Return the first tasks after a place, at most ``limit``."""
        found: list[WaitingTask] = []
        read = 0
        while read < MOST_READ:
            with self._store.reading() as work:
                batch = work.tasks.page(after, BATCH)
            for task in batch:
                if len(found) == limit:
                    return TaskPage(found, after)
                after = task.place
                if _registry_of(task) in (None, registry):
                    found.append(self._described(task))
            read += len(batch)
            if len(batch) < BATCH:
                return TaskPage(found, None)
        return TaskPage(found, after)

    def _described(self, task: Task) -> WaitingTask:
        given = task.arguments
        return WaitingTask(
            PURPOSES[task.kind],
            self._background.performed_at(task),
            given.get("repository"),
            given.get("digest") or None,
            given.get("tag"),
            _destination(given),
        )


def _registry_of(task: Task) -> Registry | None:
    given = task.arguments
    return Registry(given["account"], given["region"]) if "account" in given else None


def _destination(given: dict[str, Any]) -> Registry | None:
    if "to_account" not in given:
        return None
    return Registry(given["to_account"], given["to_region"])
