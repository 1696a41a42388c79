"""The functions that delete images, for both planes, replication and lifecycle policies.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import datetime, timedelta

from ecr_emulator.domain.events import Event, image_action
from ecr_emulator.domain.image import Image, ImageId
from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.enhanced_scans import closed_findings
from ecr_emulator.services.image_tasks import image_task
from ecr_emulator.services.images import Origin
from ecr_emulator.services.replication import replicate_deletions
from ecr_emulator.services.resolution import Failure, resolve

DELETE_REFERRERS = "delete-referrers"
"""The kind of task that deletes the referrers of a deleted image."""
REFERRERS_STAY = timedelta(hours=24)
"""Time within which ECR deletes the referrers of a deleted image; a lifecycle policy does it at once."""


def delete_images(
    work: UnitOfWork,
    repository: Repository,
    image_ids: Iterable[ImageId],
    now: datetime,
    origin: Origin = Origin.CLIENT,
) -> tuple[list[ImageId], list[Failure]]:
    """Delete images by digest, or remove tags; an image is deleted with its last tag.

    Indexes are deleted before the images they list, so that one call can delete both in any order.
    """
    found: dict[ImageId, Image] = {}
    failures: list[Failure] = []
    for image_id in dict.fromkeys(image_ids):
        image = resolve(work, repository, image_id)
        if isinstance(image, Failure):
            failures.append(image)
        else:
            found[image_id] = image
    removed, listed = delete_found(work, repository, found, now, origin)
    return removed, failures + listed


def delete_found(
    work: UnitOfWork, repository: Repository, found: dict[ImageId, Image], now: datetime, origin: Origin
) -> tuple[list[ImageId], list[Failure]]:
    """Delete images that were found by these ids in the same transaction; see ``delete_images``."""
    deletion = _Deletion(work, repository, now, origin)
    listed = deletion.delete_all(found)
    for gone in deletion.removed:
        work.events.add(image_action(repository, "DELETE", gone.digest or "", gone.tag, now))
    if origin is not Origin.REPLICATION:
        replicate_deletions(work, repository, deletion.removed, now)
    for event in deletion.closed:
        work.events.add(event)
    for digest in work.image_relations.subjects(repository, deletion.deleted):
        _leave_referrers(work, repository, digest, now, origin)
    return deletion.removed, listed


def delete_with_repository(work: UnitOfWork, repository: Repository, limit: int, now: datetime) -> bool:
    """Delete the next images of a repository that is being deleted; return whether all are deleted.

    Neither their referrers nor their replicas are deleted because of that.
    """
    images = work.images.page(repository, "", limit)
    for image in images:
        for tag in image.tags or (None,):
            work.events.add(image_action(repository, "DELETE", image.digest, tag, now))
        for event in closed_findings(work, repository, image, now):
            work.events.add(event)
    work.images.remove(repository, *images)
    return len(images) < limit


def _leave_referrers(work: UnitOfWork, repository: Repository, digest: str, now: datetime, origin: Origin) -> None:
    """Schedule the deletion of the referrers of a deleted image. Referrers pushed later are not deleted."""
    due_at = now if origin is Origin.LIFECYCLE else now + REFERRERS_STAY
    work.tasks.add(image_task(DELETE_REFERRERS, repository, digest, due_at, deleted_at=now.isoformat()))


class _Deletion:
    """One deletion of images. ``removed`` is what was deleted, ``deleted`` the digests that are gone with all tags.

    ``closed`` has the events that close the findings of deleted images. An image that an archived index lists can be
    deleted by lifecycle policies, but not by clients.
    """

    def __init__(self, work: UnitOfWork, repository: Repository, now: datetime, origin: Origin) -> None:
        self._work = work
        self._repository = repository
        self._now = now
        self._is_client = origin is not Origin.LIFECYCLE
        self.removed: list[ImageId] = []
        self.deleted: dict[str, None] = {}
        self.closed: list[Event] = []
        self._changed: set[str] = set()
        self._waiting: list[Image] = []
        """Images to remove together, before the database is asked for images or their relations."""

    def delete_all(self, images: dict[ImageId, Image]) -> list[Failure]:
        """Delete images; return failures for those that a remaining index lists."""
        listed_at_first = self._parents({image.digest for image in images.values()}).keys()
        while True:
            listed = [failure for each in images.items() if (failure := self._delete(*each, listed_at_first))]
            if len(listed) == len(images):
                self._remove_waiting()
                return listed
            images = {failure.image_id: images[failure.image_id] for failure in listed}

    def _remove_waiting(self) -> None:
        self._work.images.remove(self._repository, *self._waiting)
        self._waiting.clear()

    def _parents(self, digests: Set[str]) -> dict[str, list[str]]:
        self._remove_waiting()
        return self._work.image_relations.parents_of(self._repository, digests, only_active=not self._is_client)

    def _delete(self, image_id: ImageId, image: Image, listed_at_first: Set[str]) -> Failure | None:
        """Delete a tag, or an image with all its tags."""
        if image.digest in self._changed:
            self._remove_waiting()
            current = resolve(self._work, self._repository, image_id)
            if isinstance(current, Failure):
                return None  # an earlier id of the same call named the same image
            image = current
        if image_id.tag and len(image.tags) > 1:
            self._work.tags.remove(self._repository, image_id.tag)
            self.removed.append(ImageId(image.digest, image_id.tag))
        elif image.digest in listed_at_first and (parents := self._parents({image.digest})):
            reason = f"Requested image referenced by manifest list: [{', '.join(parents[image.digest])}]"
            return Failure(image_id, "ImageReferencedByManifestList", reason)
        else:
            self.closed += closed_findings(self._work, self._repository, image, self._now)
            self._waiting.append(image)
            self.removed += [ImageId(image.digest, tag) for tag in image.tags] or [ImageId(image.digest)]
            self.deleted[image.digest] = None
        self._changed.add(image.digest)
        return None
