"""What ECR does behind the client's back, done before anybody could see that it was not.

Every request is preceded by what is due, each piece of work with the time at which it would have been done, so that the
state that a request finds is the one that time has made, whether the clock ran or was moved. Nothing needs a thread of
its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from threading import Lock

from ecr_emulator.domain.task import Task
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.store import Store, UnitOfWork
from ecr_emulator.services import (
    backfills,
    garbage_collection,
    images,
    lifecycle,
    referrer_deletions,
    replicas,
    replication,
    scanning,
    signing,
    storage_classes,
)
from ecr_emulator.services.garbage_collection import GarbageCollector
from ecr_emulator.services.replicas import Replicas

log = logging.getLogger(__name__)

Perform = Callable[[UnitOfWork, Task, datetime], None]

KINDS: dict[str, Perform] = {
    backfills.PREPARE: backfills.prepare,
    images.DELETE_REFERRERS: referrer_deletions.perform_deletion,
    replication.REPLICATE_DELETION: replicas.perform_deletion,
    scanning.KIND: scanning.finish_scan,
    signing.KIND: signing.sign,
    storage_classes.KIND: storage_classes.finish_restore,
}
"""Who performs which kind of task that needs nothing but the database."""


class Background:
    """Performs tasks, each in a transaction of its own. ``delay`` is how long the work seems to take.

    ``incoming`` knows which images lifecycle policies must leave alone for now.
    """

    def __init__(
        self,
        store: Store,
        garbage_collector: GarbageCollector,
        delay: timedelta = timedelta(),
        copies: Replicas = Replicas(),  # noqa: B008 - it has no state
        incoming: lifecycle.Incoming = lambda _: set(),
    ) -> None:
        self._store = store
        self._kinds = KINDS | {
            garbage_collection.FORGET: garbage_collector.perform_forget,
            garbage_collection.SWEEP: garbage_collector.perform_sweep,
            lifecycle.EVALUATE: partial(lifecycle.perform_evaluation, incoming=incoming),
            lifecycle.PREVIEW: partial(lifecycle.perform_preview, incoming=incoming),
            replication.REPLICATE: copies.perform,
            backfills.RUN: partial(backfills.run, replicas=copies),
        }
        self._delay = delay
        self._turn = Lock()
        self._waits_for: str | None = None

    def catch_up(self, now: datetime) -> None:
        """Return when everything that was due by now is done, also what that made due.

        What cannot be written, because the disk is full or another program holds the lock of the database, is done
        before a later request.
        """
        if self._is_due(now):
            with self._turn:
                while self._is_due(now) and self._perform_next(now):
                    pass

    def run_now(self, kind: str, now: datetime) -> int:
        """Do all tasks of a kind that wait for their time, and return when they are done; how many there were."""
        with self._store.writing() as work:
            number = work.tasks.hasten(kind, now - self._delay)
        self.catch_up(now)
        return number

    def _is_due(self, now: datetime) -> bool:
        due = self._store.next_due
        return due is not None and due + self._delay <= now

    def _perform_next(self, now: datetime) -> bool:
        task: Task | None = None
        try:
            with self._store.writing(waits=False, frees=True) as work:
                task = work.tasks.due(now - self._delay)
                if task:
                    work.tasks.remove(task.key)
                    self._kinds[task.kind](work, task, task.due_at + self._delay)
        except StorageFailure as failure:
            self._tell_why_it_waits(task, failure.reason)
            return False
        except Exception:
            if task is None:
                raise
            log.exception("%s failed and is given up", task.key)
            with self._store.writing(waits=False, frees=True) as work:
                work.tasks.remove(task.key)  # it would fail for ever, and every request waits for it
        self._waits_for = None
        return task is not None

    def _tell_why_it_waits(self, task: Task | None, reason: str) -> None:
        """Log a reason once: the next request tries again, and would repeat it."""
        if reason != self._waits_for:
            log.warning("%s waits: %s", task.key if task else "what is due", reason)
        self._waits_for = reason
