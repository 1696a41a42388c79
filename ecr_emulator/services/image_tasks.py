"""Tasks about one image, which may be gone when they are due."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.ports.store import UnitOfWork


def image_task(kind: str, repository: Repository, digest: str, due_at: datetime, **more: Any) -> Task:
    """A task about an image. ``more`` are its other arguments; texts among them tell tasks of one kind apart."""
    registry = repository.registry
    place = {"account": registry.id, "region": registry.region, "repository": repository.name, "digest": digest}
    key = " ".join([kind, f"{repository.arn}@{digest}", *(value for value in more.values() if isinstance(value, str))])
    return Task(key, kind, due_at, place | more)


def find_image(work: UnitOfWork, task: Task) -> tuple[Repository, Image] | None:
    """The image that a task is about, with its repository; None if one of them is gone."""
    place = task.arguments
    repository = work.repositories.find(Registry(place["account"], place["region"]), place["repository"])
    image = work.images.find(repository, place["digest"]) if repository else None
    return (repository, image) if repository and image else None
