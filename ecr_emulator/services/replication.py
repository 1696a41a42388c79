"""Replication: schedule it, and record its status. ``replicas`` performs it.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import product
from typing import Any

from ecr_emulator.domain.image import Image, ImageId
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.replication import DOCUMENT, deletion_destinations_of, destinations, destinations_of
from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.image_tasks import image_task

REPLICATE = "replicate"
REPLICATE_DELETION = "replicate-deletion"


def configuration_of(work: UnitOfWork, registry: Registry) -> dict[str, Any]:
    """Return the replication configuration of a registry; without rules if none was put."""
    return work.registry_documents.find(registry, DOCUMENT) or {"rules": []}


def sources_of(work: UnitOfWork, registry: Registry, name: str | None) -> list[Registry]:
    """Return the registries that replicate a repository, or any repository for None, to a registry."""
    return [
        source
        for source, configuration in work.registry_documents.named(DOCUMENT)
        if registry in (destinations(configuration) if name is None else destinations_of(configuration, name))
    ]


def replicate_image(work: UnitOfWork, repository: Repository, image: Image, tag: str | None, now: datetime) -> None:
    """Schedule the replication of an image under one of its tags to the destinations of the configuration."""
    for destination in destinations_of(configuration_of(work, repository.registry), repository.name):
        save_status(work, image, destination, "IN_PROGRESS")
        work.tasks.add(image_task(REPLICATE, repository, image.digest, now, tag=tag, **_to(destination)))


def replicate_deletions(work: UnitOfWork, repository: Repository, gone: Iterable[ImageId], now: datetime) -> None:
    """Schedule the deletion of tags or images at the destinations of the configuration."""
    places = deletion_destinations_of(configuration_of(work, repository.registry), repository.name)
    for image_id, place in product(gone, places):
        digest, tag = image_id.digest or "", image_id.tag
        work.tasks.add(image_task(REPLICATE_DELETION, repository, digest, now, tag=tag, **_to(place)))


def replication_statuses(work: UnitOfWork, image: Image) -> list[dict[str, str]]:
    """Return the replication status at each destination, in the form of DescribeImageReplicationStatus."""
    return list((work.image_documents.find(image, DOCUMENT) or {}).values())


def save_status(
    work: UnitOfWork, image: Image, destination: Registry, status: str, failure_code: str | None = None
) -> None:
    """Record the replication status of an image at one destination."""
    known = work.image_documents.find(image, DOCUMENT) or {}
    new = {"region": destination.region, "registryId": destination.id, "status": status, "failureCode": failure_code}
    work.image_documents.put(image, DOCUMENT, known | {f"{destination.id}/{destination.region}": new})


def _to(destination: Registry) -> dict[str, str]:
    return {"to_account": destination.id, "to_region": destination.region}
