"""Replication backfills: list the images to replicate, then replicate them.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication-backfill.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from ecr_emulator.domain.backfill import MAX_RUNNING, Backfill, has_failed
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.replication import destinations, destinations_of
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.errors import (
    LimitExceededException,
    ReplicationBackfillInProgressException,
    ReplicationBackfillInvalidStatusException,
    ValidationException,
)
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.replicas import Replicas
from ecr_emulator.services.replication import configuration_of, save_status

PREPARE = "prepare-backfill"
RUN = "run-backfill"
BATCH = 500
"""Number of repositories or images that are read at a time."""
STEP = 50
"""Number of images that one transaction replicates."""
BEGIN: dict[str, Any] = {"done": 0, "failures": {}}
"""The progress of a backfill that has not replicated anything."""


def start_backfill(work: UnitOfWork, backfill: Backfill, now: datetime) -> None:
    """Begin a backfill to a destination of the replication configuration.

    Raises ``ReplicationBackfillInProgressException`` if one runs to the same Region, ``LimitExceededException`` and
    ``ValidationException``.
    """
    if backfill.destination not in destinations(configuration_of(work, backfill.registry)):
        raise ValidationException("The destination is not part of the replication configuration of the registry.")
    running = [each for each in work.backfills.all(backfill.registry) if each.is_running]
    if any(each.destination.region == backfill.destination.region for each in running):
        raise ReplicationBackfillInProgressException
    if len(running) >= MAX_RUNNING:
        raise LimitExceededException
    work.backfills.save(backfill)
    work.tasks.add(_task(PREPARE, backfill, now))


def stop_backfill(work: UnitOfWork, backfill: Backfill, now: datetime) -> Backfill:
    """End a running backfill; what it has replicated stays. Raises ``ReplicationBackfillInvalidStatusException``."""
    if not backfill.is_running:
        raise ReplicationBackfillInvalidStatusException
    running = work.tasks.find(_task(RUN, backfill, now).key)
    progress = running.arguments.get("progress", BEGIN) if running else BEGIN
    stopped = replace(backfill, status="STOPPED", ended_at=now)
    work.backfills.save(_with_results(stopped, **progress))
    for kind in (PREPARE, RUN):
        work.tasks.remove(_task(kind, backfill, now).key)
    return stopped


def prepare(work: UnitOfWork, task: Task, now: datetime) -> None:
    """Perform the first task: list the replications of a backfill."""
    backfill = _backfill(work, task)
    work.backfills.save(replace(backfill, status="IN_PROGRESS", replications=tuple(_pairs(work, backfill))))
    work.tasks.add(_task(RUN, backfill, now))


def run(work: UnitOfWork, task: Task, now: datetime, replicas: Replicas, *, step: int = STEP) -> dict[str, Any] | None:
    """Perform a step of the second task: replicate until all is done or too many replications have failed.

    Returns the progress: ``done``, the number of replications, and ``failures``, the failure code of each failed one.
    The results are stored with the last step; no request sees a backfill before that.
    """
    backfill = _backfill(work, task)
    progress = task.arguments.get("progress", BEGIN)
    done, failures = progress["done"], progress["failures"]
    for replication in backfill.replications[done : done + step]:
        failure = _outcome(work, backfill, replication, now, replicas)
        if failure:
            failures = failures | {str(done): failure}
        done += 1
        if has_failed(len(failures), done):
            _end(work, backfill, done, failures, now)
            return None
    if done < len(backfill.replications):
        return {"done": done, "failures": failures}
    _end(work, backfill, done, failures, now)
    return None


def _end(work: UnitOfWork, backfill: Backfill, done: int, failures: dict[str, str], now: datetime) -> None:
    code = "TooManyFailures" if has_failed(len(failures), done) else None
    ended = replace(backfill, status="FAILED" if code else "COMPLETE", failure_code=code, ended_at=now)
    work.backfills.save(_with_results(ended, done, failures))


def _with_results(backfill: Backfill, done: int, failures: dict[str, str]) -> Backfill:
    """Return a backfill with the results of the replications that were done. The others have none."""
    failure_codes = [failures.get(str(place)) for place in range(done)]
    results = [{"status": "FAILED" if each else "COMPLETE", "failureCode": each} for each in failure_codes]
    pending = backfill.replications[done:]
    replicated = [pair | result for pair, result in zip(backfill.replications, results, strict=False)]
    return replace(backfill, replications=(*replicated, *pending))


def _outcome(
    work: UnitOfWork, backfill: Backfill, replication: dict[str, Any], now: datetime, replicas: Replicas
) -> str | None:
    """Replicate an image; return the failure code, or None."""
    source = work.repositories.find(backfill.registry, replication["repositoryName"])
    image = work.images.find(source, replication["imageId"]["imageDigest"]) if source else None
    if source is None or image is None:
        return "ImageNotFound"
    failure = replicas.replicate(work, source, image, replication["imageId"]["imageTag"], backfill.destination, now)
    save_status(work, image, backfill.destination, "FAILED" if failure else "COMPLETE", failure)
    return failure


def _pairs(work: UnitOfWork, backfill: Backfill) -> Iterator[dict[str, Any]]:
    """Yield one replication for each tag, and one for each image without tags. Archived images are left out."""
    configuration = configuration_of(work, backfill.registry)
    after = ""
    while repositories := work.repositories.page(backfill.registry, after, BATCH):
        for repository in repositories:
            if backfill.destination in destinations_of(configuration, repository.name):
                yield from _pairs_of(work, repository)
        after = repositories[-1].name


def _pairs_of(work: UnitOfWork, repository: Repository) -> Iterator[dict[str, Any]]:
    after = ""
    while images := work.images.page(repository, after, BATCH):
        for image in images:
            for tag in (image.tags or (None,)) if image.is_active else ():
                yield {"repositoryName": repository.name, "imageId": {"imageDigest": image.digest, "imageTag": tag}}
        after = images[-1].digest


def _task(kind: str, backfill: Backfill, now: datetime) -> Task:
    registry, to = backfill.registry, backfill.destination
    place = {"account": registry.id, "region": registry.region, "to_account": to.id, "to_region": to.region}
    return Task(f"{kind} {backfill.id}", kind, now, place | {"id": backfill.id})


def _backfill(work: UnitOfWork, task: Task) -> Backfill:
    place = task.arguments
    backfill = work.backfills.find(Registry(place["account"], place["region"]), place["id"])
    assert backfill, "a backfill outlives its tasks"
    return backfill
