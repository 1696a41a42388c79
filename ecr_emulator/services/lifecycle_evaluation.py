"""The daily evaluation of a lifecycle policy, in steps of a bounded number of images."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from ecr_emulator.domain.image import Image, ImageId
from ecr_emulator.domain.lifecycle import has_tags_of
from ecr_emulator.domain.lifecycle_policy import EXPIRE, LifecycleRule, read_lifecycle_policy
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.errors import ImageStorageClassUpdateNotSupportedException
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.image_deletions import delete_found
from ecr_emulator.services.image_trees import untagged_tree
from ecr_emulator.services.images import Origin
from ecr_emulator.services.import_status import find_awaited
from ecr_emulator.services.lifecycle import Incoming, find_repository, schedule_evaluation
from ecr_emulator.services.lifecycle_selection import STEP, Progress, Selection
from ecr_emulator.services.storage_classes import archive


def perform_evaluation(
    work: UnitOfWork, task: Task, now: datetime, *, incoming: Incoming, step: int = STEP
) -> Progress | None:
    """Perform a step of the daily task: expire and archive what the policy selects. Return the progress."""
    repository = find_repository(work, task)
    if repository is None or not repository.lifecycle_policy:
        return None
    policy = read_lifecycle_policy(repository.lifecycle_policy)
    unfinished = untagged_tree(work, repository, incoming(work, repository))
    actions = _Actions(work, repository, now)
    selection = Selection(work, repository, policy, now, unfinished, actions.perform)
    progress = selection.step(task.arguments.get("progress", {}), step)
    if progress is None:
        work.repositories.save(replace(repository, lifecycle_evaluated_at=now))
        schedule_evaluation(work, repository, task.due_at)
    return progress


@dataclass(frozen=True, slots=True)
class _Actions:
    """The actions of the policy of a repository, in one transaction."""

    work: UnitOfWork
    repository: Repository
    now: datetime

    def perform(self, images: list[Image], rule: LifecycleRule) -> None:
        """Archive or delete images, except those whose tags have changed so that the rule does not concern them.

        The images of unfinished updates are deleted together with the images below them, which they may share.
        """
        work, repository = self.work, self.repository
        concerned = [image for image in images if has_tags_of(rule, image)]
        if rule.action != EXPIRE:
            for image in concerned:
                self._archive(image.digest)
            return
        found = {image.digest: image for image in concerned}
        left = untagged_tree(work, repository, found.keys() & find_awaited(work, repository))
        below = work.images.find_all(repository, left - found.keys())
        found |= {digest: below[digest] for digest in sorted(below)}
        selected = {ImageId(digest): image for digest, image in found.items()}
        delete_found(work, repository, selected, self.now, Origin.LIFECYCLE)

    def _archive(self, digest: str) -> None:
        """Archive an image, unless it was archived together with another one."""
        image = self.work.images.find(self.repository, digest)
        if image:
            with suppress(ImageStorageClassUpdateNotSupportedException):
                archive(self.work, self.repository, image, self.now)
