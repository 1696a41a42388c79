"""Lifecycle policies: evaluate them once a day, or for a preview.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ecr_emulator.domain.image import ACTIVATING, ARCHIVED, Image, ImageId
from ecr_emulator.domain.lifecycle import Candidate, Selected, evaluate
from ecr_emulator.domain.lifecycle_policy import EXPIRE, read_lifecycle_policy
from ecr_emulator.domain.lifecycle_preview import COMPLETE
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.errors import ImageStorageClassUpdateNotSupportedException
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.image_trees import untagged_tree
from ecr_emulator.services.images import Origin, delete_images
from ecr_emulator.services.import_status import is_awaited
from ecr_emulator.services.storage_classes import archive

EVALUATE = "evaluate-lifecycle-policy"
PREVIEW = "preview-lifecycle-policy"
INTERVAL = timedelta(hours=24)
"""Time within which ECR acts after an image meets the condition of a rule."""
BATCH = 500
"""Number of images that are read at a time."""

Incoming = Callable[[Repository], set[str]]
"""Returns the digests of the images that updates are importing. Policies ignore them and the images below them."""


def schedule_evaluation(work: UnitOfWork, repository: Repository, now: datetime) -> None:
    """Schedule the evaluation of the policy of a repository a day from now, unless one is scheduled already.

    An earlier schedule stays: a policy that is put every few hours would otherwise never be evaluated.
    """
    if work.tasks.find(_key(EVALUATE, repository)) is None:
        work.tasks.add(_task(EVALUATE, repository, now + INTERVAL))


def cancel_evaluation(work: UnitOfWork, repository: Repository) -> None:
    """Cancel the scheduled evaluation of a repository's policy."""
    work.tasks.remove(_key(EVALUATE, repository))


def schedule_preview(work: UnitOfWork, repository: Repository, now: datetime) -> None:
    """Schedule the completion of the preview that is stored for a repository."""
    work.tasks.add(_task(PREVIEW, repository, now))


def perform_evaluation(work: UnitOfWork, task: Task, now: datetime, *, incoming: Incoming) -> None:
    """Perform the daily task: expire and archive what the policy selects."""
    repository = _repository(work, task)
    if repository and repository.lifecycle_policy:
        for selected in _selected(work, repository, repository.lifecycle_policy, now, incoming):
            if selected.rule.action == EXPIRE:
                _expire(work, repository, selected.image, now)
            else:
                _archive(work, repository, selected.image.digest, now)
        work.repositories.save(replace(repository, lifecycle_evaluated_at=now))
        schedule_evaluation(work, repository, task.due_at)


def perform_preview(work: UnitOfWork, task: Task, now: datetime, *, incoming: Incoming) -> None:
    """Perform the task of a preview: find what the policy would do now."""
    repository = _repository(work, task)
    preview = work.lifecycle_previews.find(repository) if repository else None
    if repository and preview:
        results = tuple(map(_result, _selected(work, repository, preview.policy, now, incoming)))
        work.lifecycle_previews.save(repository, replace(preview, status=COMPLETE, results=results))


def _selected(
    work: UnitOfWork, repository: Repository, policy: str, now: datetime, incoming: Incoming
) -> list[Selected]:
    candidates = _candidates(work, repository, untagged_tree(work, repository, incoming(repository)))
    return evaluate(read_lifecycle_policy(policy), candidates, now)


def _candidates(work: UnitOfWork, repository: Repository, unfinished: set[str]) -> list[Candidate]:
    """Return the images that a policy may select: all but those being imported by an update or being restored.

    A referrer is bound to its subject, and an image to the index that lists it until the index is archived. The images
    that an unfinished update left are incomplete.
    """
    images = [
        image
        for image in _images(work, repository)
        if image.digest not in unfinished and image.subject not in unfinished
    ]
    digests = {image.digest for image in images}
    listed = work.image_relations.listed(repository)
    left = untagged_tree(work, repository, {image.digest for image in images if is_awaited(work, image)})
    return [
        Candidate(
            image,
            is_bound=image.digest in listed or image.subject in digests,
            is_incomplete=image.digest in left or image.subject in left,
        )
        for image in images
        if image.status != ACTIVATING
    ]


def _images(work: UnitOfWork, repository: Repository) -> list[Image]:
    images: list[Image] = []
    while page := work.images.page(repository, images[-1].digest if images else "", BATCH):
        images += page
    return images


def _expire(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> None:
    """Delete an image. The image of an unfinished update is deleted together with the images below it."""
    digests = untagged_tree(work, repository, {image.digest}) if is_awaited(work, image) else {image.digest}
    delete_images(work, repository, map(ImageId, sorted(digests)), now, Origin.LIFECYCLE)


def _archive(work: UnitOfWork, repository: Repository, digest: str, now: datetime) -> None:
    image = work.images.find(repository, digest)
    with suppress(ImageStorageClassUpdateNotSupportedException):
        if image:
            archive(work, repository, image, now)


def _result(selected: Selected) -> dict[str, Any]:
    """Return the preview's result for an image in the API's form, except that the time is a timestamp."""
    image, rule = selected.image, selected.rule
    expires = rule.action == EXPIRE
    return {
        "imageTags": list(image.tags) or None,
        "imageDigest": image.digest,
        "imagePushedAt": image.pushed_at.timestamp(),
        "action": {"type": "EXPIRE"} if expires else {"type": "TRANSITION", "targetStorageClass": "ARCHIVE"},
        "appliedRulePriority": rule.priority,
        "storageClass": "ARCHIVE" if image.status == ARCHIVED else "STANDARD",
    }


def _key(kind: str, repository: Repository) -> str:
    return f"{kind} {repository.arn}"


def _task(kind: str, repository: Repository, due_at: datetime) -> Task:
    registry = repository.registry
    place = {"account": registry.id, "region": registry.region, "repository": repository.name}
    return Task(_key(kind, repository), kind, due_at, place)


def _repository(work: UnitOfWork, task: Task) -> Repository | None:
    place = task.arguments
    return work.repositories.find(Registry(place["account"], place["region"]), place["repository"])
