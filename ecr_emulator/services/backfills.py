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
    stopped = replace(backfill, status="STOPPED", ended_at=now)
    work.backfills.save(stopped)
    for kind in (PREPARE, RUN):
        work.tasks.remove(_task(kind, backfill, now).key)
    return stopped


def prepare(work: UnitOfWork, task: Task, now: datetime) -> None:
    """Perform the first task: list the replications of a backfill."""
    backfill = _backfill(work, task)
    work.backfills.save(replace(backfill, status="IN_PROGRESS", replications=tuple(_pairs(work, backfill))))
    work.tasks.add(_task(RUN, backfill, now))


def run(work: UnitOfWork, task: Task, now: datetime, replicas: Replicas) -> None:
    """Perform the second task: replicate until all is done or too many replications have failed."""
    backfill = _backfill(work, task)
    replications = list(backfill.replications)
    failed, status, code = 0, "COMPLETE", None
    for place, replication in enumerate(replications):
        replications[place] = replication | _outcome(work, backfill, replication, now, replicas)
        failed += replications[place]["status"] == "FAILED"
        if has_failed(failed, place + 1):
            status, code = "FAILED", "TooManyFailures"
            break
    ended = replace(backfill, status=status, failure_code=code, ended_at=now, replications=tuple(replications))
    work.backfills.save(ended)


def _outcome(
    work: UnitOfWork, backfill: Backfill, replication: dict[str, Any], now: datetime, replicas: Replicas
) -> dict[str, Any]:
    source = work.repositories.find(backfill.registry, replication["repositoryName"])
    image = work.images.find(source, replication["imageId"]["imageDigest"]) if source else None
    if source is None or image is None:
        return {"status": "FAILED", "failureCode": "ImageNotFound"}
    failure = replicas.replicate(work, source, image, replication["imageId"]["imageTag"], backfill.destination, now)
    status = "FAILED" if failure else "COMPLETE"
    save_status(work, image, backfill.destination, status, failure)
    return {"status": status, "failureCode": failure}


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
    registry = backfill.registry
    return Task(
        f"{kind} {backfill.id}", kind, now, {"account": registry.id, "region": registry.region, "id": backfill.id}
    )


def _backfill(work: UnitOfWork, task: Task) -> Backfill:
    place = task.arguments
    backfill = work.backfills.find(Registry(place["account"], place["region"]), place["id"])
    assert backfill, "a backfill outlives its tasks"
    return backfill
