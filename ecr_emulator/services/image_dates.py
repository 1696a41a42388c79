"""Dates of images: users set them to try lifecycle policies on images of any age."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.names import Registry
from ecr_emulator.errors import ImageNotFoundException, RepositoryNotFoundException
from ecr_emulator.ports.store import UnitOfWork


def set_image_dates(
    work: UnitOfWork, registry: Registry, repository: str, digest: str, dates: tuple[datetime | None, datetime | None]
) -> Image:
    """Set when an image was pushed and last pulled; None leaves a date as it is.

    Raises ``RepositoryNotFoundException`` and ``ImageNotFoundException``.
    """
    found = work.repositories.find(registry, repository)
    if found is None:
        raise RepositoryNotFoundException(repository_name=repository, registry_id=registry.id)
    image = work.images.find(found, digest)
    if image is None:
        raise ImageNotFoundException(image_digest=digest, image_tag="null", **found.identity)
    pushed_at, pulled_at = dates
    dated = replace(image, pushed_at=pushed_at or image.pushed_at, last_pulled_at=pulled_at or image.last_pulled_at)
    work.images.save(dated)
    return dated
