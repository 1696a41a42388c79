"""Image identifiers in requests and answers."""

from __future__ import annotations

from typing import Any

from ecr_emulator.domain.image import Image, ImageId
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import ImageNotFoundException, InvalidParameterException
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.resolution import Failure, malformed, resolve


def read_image_id(identifier: dict[str, str]) -> ImageId:
    """Return an image id of a request."""
    return ImageId(identifier.get("imageDigest"), identifier.get("imageTag"))


def read_image_ids(members: dict[str, Any]) -> list[ImageId]:
    """Return the image ids of a request, each once."""
    return list(dict.fromkeys(map(read_image_id, members["imageIds"])))


def image_identifier(image_id: ImageId) -> dict[str, Any]:
    """Return an image id as answers contain it."""
    return {"imageDigest": image_id.digest, "imageTag": image_id.tag}


def get_image(work: UnitOfWork, repository: Repository, image_id: ImageId) -> Image:
    """Return the image that an id names.

    Raises ``ImageNotFoundException``, or ``InvalidParameterException`` if the id is malformed.
    """
    image = resolve(work, repository, image_id)
    if isinstance(image, Image):
        return image
    raise _refusal(repository, image)


def _refusal(repository: Repository, failure: Failure) -> ImageNotFoundException | InvalidParameterException:
    if malformed(failure.image_id):
        return InvalidParameterException(failure.reason)
    return ImageNotFoundException(
        image_digest=failure.image_id.digest or "null",
        image_tag=failure.image_id.tag or "null",
        **repository.identity,
    )
