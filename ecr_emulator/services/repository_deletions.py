"""Deletion of repositories with everything in them.

Many images are deleted in several transactions, so that others can write in between. A deletion that is interrupted
leaves a repository with fewer images, which can be deleted again.
"""

from __future__ import annotations

from datetime import datetime

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import RepositoryNotEmptyException
from ecr_emulator.ports.store import Store, UnitOfWork
from ecr_emulator.services.image_deletions import delete_with_repository

IMAGES = 200
"""Number of images that one transaction deletes."""
LAYERS = 2_000
"""Number of layers that one transaction deletes."""


def delete_repository(store: Store, registry: Registry, name: str, now: datetime, *, with_images: bool) -> Repository:
    """Delete a repository and return it; without ``with_images`` only if it has no image.

    Adds a deletion event for each tag and for each untagged image. Raises ``RepositoryNotFoundException`` and
    ``RepositoryNotEmptyException``.
    """
    with store.writing(frees=True) as work:
        repository = work.repositories.get(registry, name)
        is_deleted = _delete_some(work, repository, now, with_images=with_images)
    while not is_deleted:
        with store.writing(frees=True) as work:
            current = work.repositories.find(registry, name)
            is_same = current is not None and current.key == repository.key  # others may delete and create it meanwhile
            is_deleted = not is_same or _delete_some(work, repository, now, with_images=with_images)
    return repository


def _delete_some(work: UnitOfWork, repository: Repository, now: datetime, *, with_images: bool) -> bool:
    """Delete the next images or layers, and the repository after the last of them; return whether it is deleted."""
    if work.images.count(repository) and not with_images:
        raise RepositoryNotEmptyException(**repository.identity)
    has_no_images = delete_with_repository(work, repository, IMAGES, now)
    if not has_no_images or work.layers.remove_unreferenced(repository, LAYERS) == LAYERS:
        return False
    work.repositories.remove(repository)
    return True
