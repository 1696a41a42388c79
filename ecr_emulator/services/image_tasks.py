"""Tasks about one image, which may have been deleted when they are due."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.ports.store import UnitOfWork


def image_task(kind: str, repository: Repository, digest: str, due_at: datetime, **more: Any) -> Task:
    """Return a task about an image. ``more`` are its other arguments; the strings among them become part of its key."""
    registry = repository.registry
    place = {"account": registry.id, "region": registry.region, "repository": repository.name, "digest": digest}
    key = " ".join([kind, f"{repository.arn}@{digest}", *(value for value in more.values() if isinstance(value, str))])
    return Task(key, kind, due_at, place | more)


def find_image(work: UnitOfWork, task: Task) -> tuple[Repository, Image] | None:
    """Return the repository and the image that a task is about; None if one of them was deleted."""
    place = task.arguments
    repository = work.repositories.find(Registry(place["account"], place["region"]), place["repository"])
    image = work.images.find(repository, place["digest"]) if repository else None
    return (repository, image) if repository and image else None
