"""Replicas: copies of images in other registries of this emulator, and their deletion.

Blobs are shared by all repositories, so a copy moves no bytes. https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from ecr_emulator.domain.events import replication_action
from ecr_emulator.domain.image import Image, ImageId, StoredManifest
from ecr_emulator.domain.manifest import Manifest, read_manifest
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.errors import EcrError, RepositoryNotFoundException
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.image_deletions import delete_images
from ecr_emulator.services.image_tasks import find_image
from ecr_emulator.services.images import Origin, Push, store_image
from ecr_emulator.services.replication import save_status
from ecr_emulator.services.repositories import NewRepositories

log = logging.getLogger(__name__)

Admits = Callable[[UnitOfWork, Repository, Registry, datetime], bool]
"""Returns whether a registry allows replication from a repository."""


class Replicas:
    """Copies images if the destination allows it, according to ``admits``, and the keys of both repositories work."""

    def __init__(self, new_repositories: NewRepositories, admits: Admits = lambda *_: True) -> None:
        self._keys = new_repositories.keys
        self._new_repositories = new_repositories
        self._admits = admits

    def perform(self, work: UnitOfWork, task: Task, now: datetime) -> None:
        """Perform the task of replicating an image under one of its tags, or without a tag."""
        found = find_image(work, task)
        if found is None:
            return
        source, image = found
        destination = _destination(task)
        failure = self.replicate(work, source, image, task.arguments["tag"], destination, now)
        save_status(work, image, destination, "FAILED" if failure else "COMPLETE", failure)

    def replicate(
        self, work: UnitOfWork, source: Repository, image: Image, tag: str | None, destination: Registry, now: datetime
    ) -> str | None:
        """Copy an image to the repository of the same name in another registry; return a failure code, or None.

        The repository is created from its template if necessary. The destination gets an event with the result.
        """
        replica = Repository(destination, source.name, now)
        if self._admits(work, source, destination, now):
            replica, failure = self._tried(work, source, image, tag, replica, now)
        else:
            failure = "AccessDenied"
        result = "FAILED" if failure else "SUCCESS"
        work.events.add(replication_action(replica, source.registry, ImageId(image.digest, tag), result, now))
        return failure

    def _tried(
        self, work: UnitOfWork, source: Repository, image: Image, tag: str | None, replica: Repository, now: datetime
    ) -> tuple[Repository, str | None]:
        """Copy an image; return the repository of the copy, and a failure code, or None."""
        try:
            self._keys.check(source)
            replica = self._new_repositories.for_replication(work, replica.registry, replica.name, now)
            _copy(work, source, replica, image, tag, now)
        except RepositoryNotFoundException:
            return replica, "RepositoryNotFound"
        except EcrError as failure:
            log.warning("%s is not replicated to %s: %s", source.name, replica.registry.host, failure.message)
            return replica, "InternalError"
        return replica, None


def perform_deletion(work: UnitOfWork, task: Task, now: datetime) -> None:
    """Perform the task of deleting a replica, or one of its tags. A tag that points at another image there stays."""
    replica = work.repositories.find(_destination(task), task.arguments["repository"])
    if replica:
        image_id = ImageId(task.arguments["digest"], task.arguments["tag"])
        delete_images(work, replica, [image_id], now, Origin.REPLICATION)


def _copy(
    work: UnitOfWork, source: Repository, replica: Repository, image: Image, tag: str | None, now: datetime
) -> None:
    """Copy an image and all images that it lists. A tag that is locked at the destination is not moved."""
    tagged = work.tags.find(replica, tag) if tag else None
    if tag and tagged and tagged.digest != image.digest and replica.mutability.locks(tag):
        tag = None
    for each in _with_all_listed(work, source, image):
        stored, manifest = _read(work, each)
        _give_layers(work, source, replica, manifest, now)
        push = Push(stored.raw, stored.media_type, tag if each is image else None, stored.digest)
        store_image(work, replica, push, now, Origin.REPLICATION)


def _with_all_listed(work: UnitOfWork, source: Repository, image: Image) -> list[Image]:
    """Return an image and all images below it, each once. An index follows the images that it lists."""
    order: list[Image] = []
    seen: set[str] = set()
    waiting = [(image, False)]
    while waiting:
        each, has_listed = waiting.pop()
        if has_listed:
            order.append(each)
        elif each.digest not in seen:
            seen.add(each.digest)
            waiting.append((each, True))
            listed = (work.images.find(source, child.digest) for child in _read(work, each)[1].children)
            waiting += [(child, False) for child in listed if child and child.digest not in seen]
    return order


def _read(work: UnitOfWork, image: Image) -> tuple[StoredManifest, Manifest]:
    stored = work.images.manifest(image)
    return stored, read_manifest(stored.raw, stored.media_type)


def _give_layers(work: UnitOfWork, source: Repository, replica: Repository, manifest: Manifest, now: datetime) -> None:
    for blob in manifest.listed_blobs:
        layer = work.layers.find(source, blob.digest)
        if layer:
            work.layers.add(replica, layer.digest, layer.size, now)


def _destination(task: Task) -> Registry:
    return Registry(task.arguments["to_account"], task.arguments["to_region"])
