"""Lifecycle policies: schedule their evaluations and previews, and find the images that they may select.

``lifecycle_evaluation`` and ``lifecycle_previews`` perform them.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from ecr_emulator.domain.image import ACTIVATING, Image
from ecr_emulator.domain.lifecycle import Candidate
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.image_trees import untagged_tree
from ecr_emulator.services.import_status import find_awaited

EVALUATE = "evaluate-lifecycle-policy"
PREVIEW = "preview-lifecycle-policy"
INTERVAL = timedelta(hours=24)
"""Time within which ECR acts after an image meets the condition of a rule."""
BATCH = 500
"""Number of images that are read at a time."""

Incoming = Callable[[UnitOfWork, Repository], set[str]]
"""Returns the digests of the images that updates are importing. Policies ignore them and the images below them."""


def schedule_evaluation(work: UnitOfWork, repository: Repository, now: datetime) -> None:
    """Schedule the evaluation of the policy of a repository a day from now, unless one is scheduled already.

    An earlier schedule stays: a policy that is put every few hours would otherwise never be evaluated. An evaluation
    that is in progress begins again, because the policy may be another one now.
    """
    scheduled = find_evaluation(work, repository)
    due_at = scheduled.due_at if scheduled else now + INTERVAL
    work.tasks.add(_task(EVALUATE, repository, due_at))


def find_evaluation(work: UnitOfWork, repository: Repository) -> Task | None:
    """Return the scheduled evaluation of a repository's policy, or None."""
    return work.tasks.find(_key(EVALUATE, repository))


def cancel_evaluation(work: UnitOfWork, repository: Repository) -> None:
    """Cancel the scheduled evaluation of a repository's policy."""
    work.tasks.remove(_key(EVALUATE, repository))


def schedule_preview(work: UnitOfWork, repository: Repository, now: datetime) -> None:
    """Schedule the completion of the preview that is stored for a repository."""
    work.tasks.add(_task(PREVIEW, repository, now))


def find_all_candidates(work: UnitOfWork, repository: Repository, incoming: Incoming) -> list[Candidate]:
    """Return the images of a repository that a policy may select; see ``find_candidates``."""
    unfinished = untagged_tree(work, repository, incoming(work, repository))
    return find_candidates(work, repository, _images(work, repository), unfinished)


def find_candidates(
    work: UnitOfWork, repository: Repository, images: Iterable[Image], unfinished: set[str]
) -> list[Candidate]:
    """Return those of the images that a policy may select: all but those being imported by an update or restored.

    A referrer is bound to its subject, and an image to the index that lists it until the index is archived. The images
    that an unfinished update left are incomplete.
    """
    images = list(images)
    parents = work.image_relations.parents_of(repository, {image.digest for image in images}, only_active=True)
    left = untagged_tree(work, repository, find_awaited(work, repository) - unfinished)
    return [
        Candidate(
            image,
            _bound_by(work, repository, image, parents.get(image.digest, ())),
            is_incomplete=image.digest in left or image.subject in left,
        )
        for image in images
        if image.digest not in unfinished and image.subject not in unfinished and image.status != ACTIVATING
    ]


def _bound_by(work: UnitOfWork, repository: Repository, image: Image, parents: Iterable[str]) -> frozenset[str]:
    has_subject = image.subject is not None and work.images.find(repository, image.subject) is not None
    return frozenset([*parents, image.subject] if image.subject and has_subject else parents)


def _images(work: UnitOfWork, repository: Repository) -> Iterator[Image]:
    after = ""
    while page := work.images.page(repository, after, BATCH):
        yield from page
        after = page[-1].digest


def _key(kind: str, repository: Repository) -> str:
    return f"{kind} {repository.arn}"


def _task(kind: str, repository: Repository, due_at: datetime) -> Task:
    registry = repository.registry
    place = {"account": registry.id, "region": registry.region, "repository": repository.name}
    return Task(_key(kind, repository), kind, due_at, place)


def find_repository(work: UnitOfWork, task: Task) -> Repository | None:
    """Return the repository of a task; None if it was deleted."""
    place = task.arguments
    return work.repositories.find(Registry(place["account"], place["region"]), place["repository"])
