"""The daily evaluation of a lifecycle policy, in steps of a bounded number of images.

The first steps store what each rule matches; the next ones act on the matches beyond the number or age in their
rule. So an evaluation needs no memory for all images, and no transaction is long.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from ecr_emulator.domain.image import Image, ImageId
from ecr_emulator.domain.lifecycle import find_matches, number_beyond
from ecr_emulator.domain.lifecycle_policy import EXPIRE, LifecyclePolicy, LifecycleRule, read_lifecycle_policy
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.errors import ImageStorageClassUpdateNotSupportedException
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.image_trees import untagged_tree
from ecr_emulator.services.images import Origin, delete_images
from ecr_emulator.services.import_status import is_awaited
from ecr_emulator.services.lifecycle import Incoming, find_candidates, find_repository, schedule_evaluation
from ecr_emulator.services.storage_classes import archive

STEP = 200
"""Number of images that one transaction reads or acts on."""

Progress = dict[str, Any]
"""Progress of an evaluation: ``after`` is the digest up to which images were matched. Then ``rule`` is the rule that is
acted on, and ``left`` the number of its matches that are left."""

BEGIN: Progress = {"after": ""}


def perform_evaluation(work: UnitOfWork, task: Task, now: datetime, *, incoming: Incoming, step: int = STEP) -> None:
    """Perform a step of the daily task: expire and archive what the policy selects. The task stays until the last."""
    repository = find_repository(work, task)
    if repository is None or not repository.lifecycle_policy:
        return
    policy = read_lifecycle_policy(repository.lifecycle_policy)
    unfinished = untagged_tree(work, repository, incoming(repository))
    evaluation = _Evaluation(work, repository, policy, now, unfinished)
    progress: Progress | None = task.arguments.get("progress", BEGIN)
    while progress and step > 0:
        progress, done = evaluation.advance(progress, step)
        step -= done
    if progress:
        work.tasks.add(replace(task, arguments=task.arguments | {"progress": progress}))
    else:
        work.repositories.save(replace(repository, lifecycle_evaluated_at=now))
        schedule_evaluation(work, repository, task.due_at)


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """An evaluation in one transaction. ``unfinished`` are the images that updates are importing now."""

    work: UnitOfWork
    repository: Repository
    policy: LifecyclePolicy
    now: datetime
    unfinished: set[str]

    def advance(self, progress: Progress, limit: int) -> tuple[Progress | None, int]:
        """Take at most ``limit`` images further; return the progress, None at the end, and the number of images."""
        if "after" in progress:
            return self._match(progress["after"], limit)
        return self._act(progress["rule"], progress["left"], limit)

    def _match(self, after: str, limit: int) -> tuple[Progress | None, int]:
        if not after:
            self.work.lifecycle_matches.clear(self.repository)
        images = self.work.images.page(self.repository, after, limit)
        candidates = find_candidates(self.work, self.repository, images, self.unfinished)
        matches = (match for each in candidates for match in find_matches(self.policy, each, self.now))
        self.work.lifecycle_matches.add(self.repository, matches)
        return {"after": images[-1].digest} if len(images) == limit else self._begin_rule(0), len(images)

    def _begin_rule(self, position: int) -> Progress | None:
        if position == len(self.policy.rules):
            return None
        matches = self.work.lifecycle_matches.count(self.repository, position)
        return {"rule": position, "left": number_beyond(self.policy.rules[position], matches)}

    def _act(self, position: int, left: int, limit: int) -> tuple[Progress | None, int]:
        """Act on matches in order, then drop the rest of the rule's matches."""
        matches = self.work.lifecycle_matches.first(self.repository, position, min(left or limit, limit))
        for match in matches if left else ():
            image = self.work.images.find(self.repository, match.digest) if match.is_free else None
            if image and image.digest not in self.unfinished:
                self._act_on(image, self.policy.rules[position])
        if not matches:
            return self._begin_rule(position + 1), 0
        self.work.lifecycle_matches.remove_first(self.repository, position, len(matches))
        return {"rule": position, "left": max(0, left - len(matches))}, len(matches)

    def _act_on(self, image: Image, rule: LifecycleRule) -> None:
        """Archive or delete an image; that of an unfinished update is deleted together with the images below it."""
        work, repository = self.work, self.repository
        if rule.action != EXPIRE:
            with suppress(ImageStorageClassUpdateNotSupportedException):
                archive(work, repository, image, self.now)
            return
        digests = untagged_tree(work, repository, {image.digest}) if is_awaited(work, image) else {image.digest}
        delete_images(work, repository, map(ImageId, sorted(digests)), self.now, Origin.LIFECYCLE)
