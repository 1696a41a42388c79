"""Referrers without a subject: signatures and other artifacts go within a day after the image that they refer to.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ecr_emulator.domain.image import ImageId
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.task import Task
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.images import REFERRERS_STAY, Origin, delete_images


def perform_deletion(work: UnitOfWork, task: Task, now: datetime) -> None:
    """Perform the task that a deleted image left, unless the image is back. What refers to referrers goes with them.

    A referrer that is newer than the deletion stays: like one whose subject was never here, it may come first. One
    that an index lists stays as long as the index does.
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
