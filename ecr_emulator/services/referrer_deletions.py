"""Referrers of deleted images: signatures and other artifacts are deleted within a day after their subject.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ecr_emulator.domain.image import ImageId
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.task import Task
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.image_deletions import REFERRERS_STAY, delete_images
from ecr_emulator.services.images import Origin


def perform_deletion(work: UnitOfWork, task: Task, now: datetime) -> None:
    """Delete the referrers of a deleted image, and their referrers, unless the image was pushed again.

    A referrer that was pushed after the deletion stays, since referrers may be pushed before their subject. A referrer
    that an index lists stays as long as the index.
    """
    place = task.arguments
    repository = work.repositories.find(Registry(place["account"], place["region"]), place["repository"])
    if repository is None or work.images.find(repository, place["digest"]):
        return
    deleted_at = datetime.fromisoformat(place["deleted_at"])
    referrers = [
        each for each in work.image_relations.referrers(repository, place["digest"]) if each.pushed_at <= deleted_at
    ]
    image_ids = [ImageId(referrer.digest) for referrer in referrers]
    _, held = delete_images(work, repository, image_ids, now, Origin.LIFECYCLE)
    if held:
        work.tasks.add(replace(task, due_at=task.due_at + REFERRERS_STAY))
