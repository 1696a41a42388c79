"""Background work of ECR, performed in steps, each step of a task in a transaction of its own.

A task is performed as of the time at which it was due, so the state is the same whether the clock ran or was moved.
``due_work`` decides which tasks are performed before a request, and which beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Set
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import partial
from typing import Any

from ecr_emulator.domain.task import Scope, Task
from ecr_emulator.ports.encryption_keys import EncryptionKeys
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.store import Store, UnitOfWork
from ecr_emulator.services import (
    backfills,
    enhanced_scans,
    garbage_collection,
    image_deletions,
    lifecycle,
    lifecycle_evaluation,
    lifecycle_previews,
    referrer_deletions,
    replicas,
    replication,
    scanning,
    signing,
    storage_classes,
)
from ecr_emulator.services.garbage_collection import GarbageCollector
from ecr_emulator.services.image_scanner import ImageScanner
from ecr_emulator.services.named_keys import NamedKeys
from ecr_emulator.services.replicas import Replicas
from ecr_emulator.services.repositories import NewRepositories
from ecr_emulator.services.signatures import Signatures
from ecr_emulator.services.wanted_scans import BASIC_SCAN, ENHANCED_SCAN

log = logging.getLogger(__name__)

Progress = dict[str, Any]
"""How far a task has come, as JSON. Its next step finds it in the task's arguments, as ``progress``."""
Perform = Callable[[UnitOfWork, Task, datetime], Progress | None]
"""Performs a task, or its next step; returns the progress if the task needs more steps."""

KINDS: dict[str, Perform] = {
    backfills.PREPARE: backfills.prepare,
    image_deletions.DELETE_REFERRERS: referrer_deletions.perform_deletion,
    replication.REPLICATE_DELETION: replicas.perform_deletion,
    storage_classes.KIND: storage_classes.finish_restore,
}
"""The functions that perform tasks which need only the database, by kind of task."""

SCANS = frozenset({BASIC_SCAN, ENHANCED_SCAN})
"""The kinds of tasks that may take long, and whose results are seen only by requests for the findings of an image."""

PROMISED = frozenset({garbage_collection.FORGET})
"""The kinds of tasks whose commits must survive a loss of power: files are deleted afterwards, and do not come back."""


class Outcome(Enum):
    """The outcome of a step: no task was due, or could be written; its task needs more steps; its task is done.

    LONG says that nothing was done because the task is a long one.
    """

    NOTHING = auto()
    LONG = auto()
    PART = auto()
    DONE = auto()


class Background:
    """Performs tasks in steps. ``delay`` is the time that the work appears to take.

    ``incoming`` returns the images that lifecycle policies must ignore because updates are importing them.
    """

    def __init__(  # noqa: PLR0913 - each part has one job
        self,
        store: Store,
        garbage_collector: GarbageCollector,
        delay: timedelta = timedelta(),
        copies: Replicas = Replicas(NewRepositories(NamedKeys())),  # noqa: B008 - it has no state
        incoming: lifecycle.Incoming = lambda *_: set(),
        keys: EncryptionKeys = NamedKeys(),  # noqa: B008 - it has no state
        *,
        signatures: Signatures,
        scanner: ImageScanner | None = None,
    ) -> None:
        self._store = store
        self._scanner = scanner
        self._kinds = KINDS | {
            garbage_collection.FORGET: garbage_collector.perform_forget,
            garbage_collection.SWEEP: garbage_collector.perform_sweep,
            lifecycle.EVALUATE: partial(lifecycle_evaluation.perform_evaluation, incoming=incoming),
            lifecycle.PREVIEW: partial(lifecycle_previews.perform_preview, incoming=incoming),
            replication.REPLICATE: copies.perform,
            backfills.RUN: partial(backfills.run, replicas=copies),
            BASIC_SCAN: partial(scanning.finish_scan, keys=keys, scanner=scanner),
            ENHANCED_SCAN: partial(enhanced_scans.finish, scanner=scanner),
            signing.KIND: signatures.perform,
        }
        self._delay = delay
        self._waits_for: str | None = None
        self._is_stepping = False

    @property
    def kinds(self) -> Set[str]:
        """The kinds of tasks."""
        return self._kinds.keys()

    def catch_up(self, now: datetime) -> None:
        """Perform all tasks that are due, including those that become due by that."""
        while self.is_due(now) and self.step(now) is not Outcome.NOTHING:
            pass

    def run_now(self, kind: str, now: datetime) -> int:
        """Perform all scheduled tasks of a kind now; return their number."""
        with self._store.writing() as work:
            number = work.tasks.hasten(kind, now - self._delay)
        self.catch_up(now)
        return number

    def seconds_until_due(self, now: datetime) -> float | None:
        """Return the seconds until the next task is due, not positive if one is due; None if there is no task."""
        due = self._store.next_due
        return None if due is None else (due + self._delay - now).total_seconds()

    def performed_at(self, task: Task) -> datetime:
        """Return the time at which a waiting task is performed."""
        return task.due_at + self._delay

    @property
    def scanner(self) -> ImageScanner | None:
        """The scanner of images, if there is one."""
        return self._scanner

    def close(self) -> None:
        """End the current scan without a result, and let no other begin."""
        if self._scanner:
            self._scanner.close()

    def begin_scans(self) -> None:
        """Let the advisories be read, so that the first scan does not have to wait for them."""
        if self._scanner:
            self._scanner.begin()

    def call_after_waiting(self, then: Callable[[], None]) -> None:
        """Let a function be called whenever scans have waited and need no longer wait."""
        if self._scanner:
            self._scanner.call_after_waiting(then)

    @property
    def is_stepping(self) -> bool:
        """Whether a thread performs a step now."""
        return self._is_stepping

    def is_due(self, now: datetime) -> bool:
        """Whether a task is due. Reads the storage only while scans wait for the advisories."""
        due = self._store.next_due
        if due is None or due + self._delay > now:
            return False
        return not self._waiting or self._is_other_due(now)

    def is_due_in(self, scope: Scope, now: datetime) -> bool:
        """Whether a task is due that changes a part of the state, or may be due because the tasks cannot be read."""
        if not self.is_due(now):
            return False
        try:
            with self._store.reading() as work:
                return self._find_due(work, now, scope) is not None
        except StorageFailure:
            return True

    @property
    def _waiting(self) -> frozenset[str]:
        """The kinds of tasks that wait for the advisories."""
        return SCANS if self._scanner and self._scanner.waits else frozenset()

    def _is_other_due(self, now: datetime) -> bool:
        try:
            with self._store.reading() as work:
                return self._find_due(work, now, None) is not None
        except StorageFailure:
            return True

    def step(self, now: datetime, scope: Scope | None = None, *, takes_long: bool = True) -> Outcome:
        """Perform a step of the task that has been due for longest, in a part of the state or anywhere.

        A scan is prepared before its step, without a unit of work; not if the step may not take long.

        A task that cannot be written, because the disk is full or another program has locked the database, is performed
        later. A task that raises an exception is logged and dropped.
        """
        unprepared = self._find_unprepared(now, scope)
        if unprepared and not takes_long:
            return Outcome.LONG
        if unprepared and not self._prepared(unprepared) and not self._waiting:
            return Outcome.NOTHING
        return self._step(now, scope, promised=False) or self._step(now, scope, promised=True) or Outcome.NOTHING

    def _step(self, now: datetime, scope: Scope | None, promised: bool) -> Outcome | None:
        """See ``step``; returns None, and does nothing, for a task whose commit must be ``promised``."""
        task: Task | None = None
        progress: Progress | None = None
        try:
            with self._store.writing(waits=False, promised=promised, frees=True) as work:
                self._is_stepping = True
                task = self._find_due(work, now, scope)
                if task and task.kind in PROMISED and not promised:
                    return None
                if task:
                    work.tasks.remove(task.key)
                    progress = self._kinds[task.kind](work, task, self.performed_at(task))
                    if progress is not None:
                        work.tasks.add(replace(task, arguments=task.arguments | {"progress": progress}))
        except StorageFailure as failure:
            self._tell_why_it_waits(task, failure.reason)
            return Outcome.NOTHING
        except Exception:
            if task is None:
                raise
            log.exception("%s failed and is given up", task.key)
            with self._store.writing(waits=False, frees=True) as work:
                work.tasks.remove(task.key)  # the task would fail again before every request
        finally:
            self._is_stepping = False
        self._waits_for = None
        if task is None:
            return Outcome.NOTHING
        return Outcome.DONE if progress is None else Outcome.PART

    def _prepared(self, task: Task) -> bool:
        """Prepare a scan; return whether its step can be performed."""
        try:
            return self._scanner is None or self._scanner.prepare(task)
        except StorageFailure as failure:
            self._tell_why_it_waits(task, failure.reason)
            return False

    def _find_unprepared(self, now: datetime, scope: Scope | None) -> Task | None:
        """Return the task that is due, if it is a scan that has to be prepared."""
        if self._scanner is None:
            return None
        try:
            with self._store.reading() as work:
                task = self._find_due(work, now, scope)
        except StorageFailure:
            return None
        is_prepared = task is None or task.kind not in SCANS or self._scanner.is_prepared(task)
        return None if is_prepared else task

    def _find_due(self, work: UnitOfWork, now: datetime, scope: Scope | None) -> Task | None:
        waiting = self._waiting
        if scope is None:
            return work.tasks.due(now - self._delay, waiting)
        sources = replication.sources_of(work, scope.registry, scope.repository)
        if waiting:
            scope = replace(scope, left_out=scope.left_out | waiting)
        return work.tasks.due_in(scope, now - self._delay, sources)

    def _tell_why_it_waits(self, task: Task | None, reason: str) -> None:
        """Log a reason once: each request tries again, and would log the reason again."""
        if reason != self._waits_for:
            log.warning("%s waits: %s", task.key if task else "what is due", reason)
        self._waits_for = reason
