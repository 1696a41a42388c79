"""Replication at work: copies of images in other registries of this emulator, and their deletion.

Blobs are shared by all repositories, so a copy moves no bytes. https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
"""

from __future__ import annotations

from datetime import datetime

from ecr_emulator.domain.events import replication_action
from ecr_emulator.domain.image import Image, ImageId
from ecr_emulator.domain.manifest import read_manifest
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.errors import EcrError, RepositoryNotFoundException
from ecr_emulator.ports import UnitOfWork
from ecr_emulator.services.image_tasks import find_image
from ecr_emulator.services.images import Origin, Push, delete_images, store_image
from ecr_emulator.services.replication import save_status
from ecr_emulator.services.repositories import repository_for_replication


def perform_replication(work: UnitOfWork, task: Task, now: datetime) -> None:
    """Perform the task of replicating an image under one of its tags, or none."""
    found = find_image(work, task)
    if found is None:
        return
    source, image = found
    destination = _destination(task)
    failure = replicate(work, source, image, task.arguments["tag"], destination, now)
    save_status(work, image, destination, "FAILED" if failure else "COMPLETE", failure)


def perform_deletion(work: UnitOfWork, task: Task, now: datetime) -> None:
    """Perform the task of deleting a replica, or one of its tags. A tag that points elsewhere there stays."""
    replica = work.repositories.find(_destination(task), task.arguments["repository"])
    if replica:
        image_id = ImageId(task.arguments["digest"], task.arguments["tag"])
        delete_images(work, replica, [image_id], now, Origin.REPLICATION)


def replicate(
    work: UnitOfWork, source: Repository, image: Image, tag: str | None, destination: Registry, now: datetime
) -> str | None:
    """Copy an image to the repository of the same name in another registry; why it failed, or None.

    The repository is created from its template if need be. The destination is told of the outcome.
    """
    failure = None
    replica = Repository(destination, source.name, now)
    try:
        replica = repository_for_replication(work, destination, source.name, now)
        _copy(work, source, replica, image, tag, now)
    except RepositoryNotFoundException:
        failure = "RepositoryNotFound"
    except EcrError:
        failure = "InternalError"
    result = "FAILED" if failure else "SUCCESS"
    work.events.add(replication_action(replica, source.registry, ImageId(image.digest, tag), result, now))
    return failure


def _copy(
    work: UnitOfWork, source: Repository, replica: Repository, image: Image, tag: str | None, now: datetime
) -> None:
    """Copy an image with all that it lists. A tag that is locked at the destination stays where it is there."""
    stored = work.images.manifest(image)
    manifest = read_manifest(stored.raw, stored.media_type)
    for listed in manifest.children:
        child = work.images.find(source, listed.digest)
        if child:
            _copy(work, source, replica, child, None, now)
    for blob in manifest.blobs:
        layer = work.layers.find(source, blob.digest)
        if layer:
            work.layers.add(replica, layer.digest, layer.size, now)
    tagged = work.tags.find(replica, tag) if tag else None
    if tag and tagged and tagged.digest != image.digest and replica.mutability.locks(tag):
        tag = None
    store_image(work, replica, Push(stored.raw, stored.media_type, tag, stored.digest), now, Origin.REPLICATION)


def _destination(task: Task) -> Registry:
    return Registry(task.arguments["to_account"], task.arguments["to_region"])
