"""Storage classes: archive images, and restore them.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive-image.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/restore-image.html
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ecr_emulator.domain.events import storage_class_action
from ecr_emulator.domain.image import ACTIVATING, ACTIVE, ARCHIVED, Image
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.errors import ImageStorageClassUpdateNotSupportedException
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.enhanced_scans import leave_scanning
from ecr_emulator.services.image_tasks import find_image, image_task
from ecr_emulator.services.new_images import process_new_image

KIND = "restore"


def archive(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> Image:
    """Archive an image together with its referrers. An archived image stays as it is.

    Raises ``ImageStorageClassUpdateNotSupportedException`` if the image is being restored, or if an active index lists
    the image or one of its referrers.
    """
    if image.status == ACTIVATING or _is_listed(work, repository, image):
        raise ImageStorageClassUpdateNotSupportedException
    if image.status == ARCHIVED:
        return image
    together = [image, *(each for each in _referrers(work, repository, image) if each.is_active)]
    if _is_listed(work, repository, *together[1:]):
        raise ImageStorageClassUpdateNotSupportedException
    archived = [replace(each, status=ARCHIVED, last_archived_at=now) for each in together]
    for each in archived:
        work.images.save(each)
        work.events.add(storage_class_action(repository, each, now))
        leave_scanning(work, repository, each, now)
    return archived[0]


def _is_listed(work: UnitOfWork, repository: Repository, *images: Image) -> bool:
    """Whether an active index lists one of the images."""
    digests = {image.digest for image in images}
    return bool(digests and work.image_relations.parents_of(repository, digests, only_active=True))


def _referrers(work: UnitOfWork, repository: Repository, image: Image) -> list[Image]:
    """Return the referrers of an image, their referrers, and so on."""
    found = work.image_relations.referrers(repository, image.digest)
    for subject in found:  # the loop also covers the referrers that it adds
        found += work.image_relations.referrers(repository, subject.digest)
    return found


def restore(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> Image:
    """Begin to restore an archived image; a task ends the restore. Any other image stays as it is."""
    if image.status != ARCHIVED:
        return image
    activating = replace(image, status=ACTIVATING)
    work.images.save(activating)
    work.tasks.add(image_task(KIND, repository, image.digest, now))
    return activating


def finish_restore(work: UnitOfWork, task: Task, now: datetime) -> None:
    """Perform the task that ends a restore. The image is then processed like one that was just pushed."""
    found = find_image(work, task)
    if found and found[1].status == ACTIVATING:
        active = activate(work, *found, now)
        for tag in active.tags or (None,):
            process_new_image(work, found[0], active, tag, now)


def activate(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> Image:
    """Make an image active again at once; delete its last scan."""
    active = replace(image, status=ACTIVE, last_activated_at=now)
    work.images.save(active)
    work.scans.remove(active)
    work.events.add(storage_class_action(repository, active, now))
    return active
