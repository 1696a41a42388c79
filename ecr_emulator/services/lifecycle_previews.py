"""Previews of lifecycle policies, in steps of a bounded number of images.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/lpp_creation.html
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from ecr_emulator.domain.image import ARCHIVED, Image
from ecr_emulator.domain.lifecycle_policy import EXPIRE, LifecycleRule, read_lifecycle_policy
from ecr_emulator.domain.lifecycle_preview import COMPLETE
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.image_trees import untagged_tree
from ecr_emulator.services.lifecycle import Incoming, find_evaluation, find_repository, schedule_evaluation
from ecr_emulator.services.lifecycle_selection import STEP, Progress, Selection


def perform_preview(
    work: UnitOfWork, task: Task, now: datetime, *, incoming: Incoming, step: int = STEP
) -> Progress | None:
    """Perform a step of the task of a preview: find what the policy would do now. Return the progress."""
    repository = find_repository(work, task)
    preview = work.lifecycle_previews.find(repository) if repository else None
    if repository is None or preview is None:
        return None
    progress: Progress = task.arguments.get("progress", {})
    if not progress:
        _restart_evaluation(work, repository, now)
        if work.lifecycle_previews.remove_results(repository, step) == step:
            return {}

    def take(images: list[Image], rule: LifecycleRule) -> None:
        work.lifecycle_previews.add_results(repository, [_result(image, rule) for image in images])

    policy = read_lifecycle_policy(preview.policy)
    unfinished = untagged_tree(work, repository, incoming(work, repository))
    left = Selection(work, repository, policy, now, unfinished, take).step(progress, step)
    if left is None:
        work.lifecycle_previews.save(repository, replace(preview, status=COMPLETE))
    return left


def _restart_evaluation(work: UnitOfWork, repository: Repository, now: datetime) -> None:
    """Let an evaluation that is in progress begin again, since the preview takes the place of its matches."""
    evaluation = find_evaluation(work, repository)
    if evaluation and "progress" in evaluation.arguments:
        schedule_evaluation(work, repository, now)


def _result(image: Image, rule: LifecycleRule) -> dict[str, Any]:
    """Return the preview's result for an image in the API's form, except that the time is a timestamp."""
    expires = rule.action == EXPIRE
    return {
        "imageTags": list(image.tags) or None,
        "imageDigest": image.digest,
        "imagePushedAt": image.pushed_at.timestamp(),
        "action": {"type": "EXPIRE"} if expires else {"type": "TRANSITION", "targetStorageClass": "ARCHIVE"},
        "appliedRulePriority": rule.priority,
        "storageClass": "ARCHIVE" if image.status == ARCHIVED else "STANDARD",
    }
