"""Resolution of image ids: find the image that an id names, or say in ECR's words why there is none."""

from __future__ import annotations

from ecr_emulator.domain.image import Image, ImageId
from ecr_emulator.domain.names import DIGEST_CONSTRAINT, DIGEST_PATTERN, TAG_CONSTRAINT, TAG_PATTERN
from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.quick_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why one image of a batch call could not be served, in ECR's words."""

    image_id: ImageId
    code: str
    reason: str


def resolve(work: UnitOfWork, repository: Repository, image_id: ImageId) -> Image | Failure:
    """Return the image that an id names, or the failure if there is none."""
    failure = malformed(image_id)
    if failure:
        return failure
    if image_id.tag is None:
        found = work.images.find(repository, image_id.digest or "")
    else:
        found = work.tags.find(repository, image_id.tag)
    if found is None:
        return not_found(image_id)
    if image_id.digest not in (None, found.digest):
        if work.images.find(repository, image_id.digest or "") is None:
            return not_found(image_id)
        return _invalid(image_id, "ImageTagDoesNotMatchDigest", "given tag does not map to the given digest")
    return found


def not_found(image_id: ImageId) -> Failure:
    """Return the failure that there is no such image."""
    return Failure(image_id, "ImageNotFound", "Requested image not found")


def malformed(image_id: ImageId) -> Failure | None:
    """Return the failure of a malformed id; None if the id is well formed."""
    if image_id.digest is None and image_id.tag is None:
        return _invalid(image_id, "MissingDigestAndTag", "both tag and digest cannot be null")
    if image_id.digest is not None and not DIGEST_PATTERN.fullmatch(image_id.digest):
        return _invalid(image_id, "InvalidImageDigest", f"image digest should satisfy the regex '{DIGEST_CONSTRAINT}'")
    if image_id.tag is not None and not TAG_PATTERN.fullmatch(image_id.tag):
        return _invalid(image_id, "InvalidImageTag", f"image tag should satisfy the regex '{TAG_CONSTRAINT}'")
    return None


def _invalid(image_id: ImageId, code: str, reason: str) -> Failure:
    return Failure(image_id, code, f"Invalid request parameters: {reason}")
