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
from ecr_emulator.domain.lifecycle import find_matches, has_tags_of, number_beyond
from ecr_emulator.domain.lifecycle_policy import EXPIRE, LifecyclePolicy, LifecycleRule, read_lifecycle_policy
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.errors import ImageStorageClassUpdateNotSupportedException
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.image_trees import untagged_tree
from ecr_emulator.services.images import Origin, delete_images
from ecr_emulator.services.import_status import find_awaited
from ecr_emulator.services.lifecycle import Incoming, find_candidates, find_repository, schedule_evaluation
from ecr_emulator.services.storage_classes import archive

STEP = 200
"""Number of images that one transaction reads or acts on."""

Progress = dict[str, Any]
"""Progress of an evaluation. At first it is empty: the matches that an interrupted evaluation left are removed. Then
``after`` is the digest up to which images were matched. Then ``rule`` is the rule that is acted on, and ``left`` the
number of its matches that are left. ``newest`` is the key of the newest image when matching began."""


def perform_evaluation(
    work: UnitOfWork, task: Task, now: datetime, *, incoming: Incoming, step: int = STEP
) -> Progress | None:
    """Perform a step of the daily task: expire and archive what the policy selects. Return the progress."""
    repository = find_repository(work, task)
    if repository is None or not repository.lifecycle_policy:
        return None
    policy = read_lifecycle_policy(repository.lifecycle_policy)
    unfinished = untagged_tree(work, repository, incoming(repository))
    evaluation = _Evaluation(work, repository, policy, now, unfinished)
    progress: Progress | None = task.arguments.get("progress", {})
    while progress is not None and step > 0:
        progress, done = evaluation.advance(progress, step)
        step -= done
    if progress is None:
        work.repositories.save(replace(repository, lifecycle_evaluated_at=now))
        schedule_evaluation(work, repository, task.due_at)
    return progress


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """An evaluation in one transaction. ``unfinished`` are the images that updates are importing now.

    Images that are pushed while the evaluation is in progress are left to the next one.
    """

    work: UnitOfWork
    repository: Repository
    policy: LifecyclePolicy
    now: datetime
    unfinished: set[str]

    def advance(self, progress: Progress, limit: int) -> tuple[Progress | None, int]:
        """Take at most ``limit`` images further; return the progress, None at the end, and the number of images."""
        if "after" in progress:
            return self._match(progress, limit)
        if "rule" in progress:
            return self._act(progress, limit)
        removed = self.work.lifecycle_matches.remove(self.repository, limit)
        return ({}, removed) if removed == limit else ({"after": "", "newest": self.work.images.newest_key()}, removed)

    def _match(self, progress: Progress, limit: int) -> tuple[Progress | None, int]:
        newest = progress["newest"]
        images = self.work.images.page(self.repository, progress["after"], limit)
        older = [image for image in images if image.key <= newest]
        candidates = find_candidates(self.work, self.repository, older, self.unfinished)
        matches = (match for each in candidates for match in find_matches(self.policy, each, self.now))
        self.work.lifecycle_matches.add(self.repository, matches)
        if len(images) == limit:
            return progress | {"after": images[-1].digest}, limit
        return self._begin_rule(0, newest), len(images)

    def _begin_rule(self, position: int, newest: int) -> Progress | None:
        if position == len(self.policy.rules):
            return None
        matches = self.work.lifecycle_matches.count(self.repository, position)
        return {"rule": position, "left": number_beyond(self.policy.rules[position], matches), "newest": newest}

    def _act(self, progress: Progress, limit: int) -> tuple[Progress | None, int]:
        """Act on matches in order, then drop the rest of the rule's matches."""
        position, left, newest = progress["rule"], progress["left"], progress["newest"]
        matches = self.work.lifecycle_matches.first(self.repository, position, min(left or limit, limit))
        found = (self.work.images.find(self.repository, each.digest) for each in matches if left and each.is_free)
        images = [image for image in found if image and image.key <= newest and image.digest not in self.unfinished]
        self._act_on(images, self.policy.rules[position])
        if not matches:
            return self._begin_rule(position + 1, newest), 0
        self.work.lifecycle_matches.remove_first(self.repository, position, len(matches))
        return progress | {"left": max(0, left - len(matches))}, len(matches)

    def _act_on(self, images: list[Image], rule: LifecycleRule) -> None:
        """Archive or delete images, except those whose tags have changed so that the rule does not concern them.

        The image of an unfinished update is deleted together with the images below it.
        """
        work, repository = self.work, self.repository
        concerned = [image for image in images if has_tags_of(rule, image)]
        if rule.action != EXPIRE:
            for image in concerned:
                self._archive(image.digest)
            return
        awaited = find_awaited(work, repository)
        digests: dict[str, None] = {}
        for image in concerned:
            tree = untagged_tree(work, repository, {image.digest}) if image.digest in awaited else (image.digest,)
            digests |= dict.fromkeys(sorted(tree))
        delete_images(work, repository, map(ImageId, digests), self.now, Origin.LIFECYCLE)

    def _archive(self, digest: str) -> None:
        """Archive an image, unless it was archived together with another one."""
        image = self.work.images.find(self.repository, digest)
        if image:
            with suppress(ImageStorageClassUpdateNotSupportedException):
                archive(self.work, self.repository, image, self.now)
