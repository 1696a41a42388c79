"""Managed signing: images that a registry is configured to sign, and the state of their signatures.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/managed-signing.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.signing import DOCUMENT, SIGNATURE, signing_profiles
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.access import Permissions, RequiredAction
from ecr_emulator.services.image_tasks import image_task

KIND = "sign"
IN_PROGRESS, COMPLETE, FAILED = "IN_PROGRESS", "COMPLETE", "FAILED"
SIGN_PAYLOAD = "signer:SignPayload"
ACCESS_DENIED = "AccessDeniedException"

Refusal = Callable[[str], str | None]
"""Returns the reason why the identity that pushes an image may not sign with a profile; None if it may."""


def nobody_refuses(_: str) -> None:
    """Refuse no profile: see ``Refusal``."""


def refused_to_pull_through(profile: str) -> str:
    """Refuse every profile: see ``Refusal``. The role with which ECR imports images may not sign.

    https://github.com/aws/containers-roadmap/issues/2830
    """
    return f"AWSServiceRoleForECRPullThroughCache is not authorized to perform: {SIGN_PAYLOAD} on resource: {profile}"


def refused_by(permissions: Permissions) -> Refusal:
    """Return the refusal of a caller with these permissions, with whose identity ECR signs."""

    def refusal(profile: str) -> str | None:
        if permissions.may(RequiredAction(SIGN_PAYLOAD, profile)):
            return None
        return f"The identity that pushed the image is not authorized to perform: {SIGN_PAYLOAD} on resource: {profile}"

    return refusal


def sign_on_push(work: UnitOfWork, repository: Repository, image: Image, now: datetime, refusal: Refusal) -> None:
    """Schedule the signing of an image with every profile whose rule matches its repository, unless it is signed."""
    configuration = work.registry_documents.find(repository.registry, DOCUMENT)
    if configuration is None or image.artifact_media_type == SIGNATURE:
        return
    known = work.image_documents.find(image, DOCUMENT) or {}
    profiles = signing_profiles(configuration, repository.name)
    for profile in (each for each in profiles if known.get(each, {}).get("status") != COMPLETE):
        reason = refusal(profile)
        if reason:
            note_failure(work, image, profile, ACCESS_DENIED, reason)
        else:
            _note(work, image, profile, {"status": IN_PROGRESS})
            work.tasks.add(image_task(KIND, repository, image.digest, now, profile=profile))


def sign_again(work: UnitOfWork, repository: Repository, image: Image, now: datetime, refusal: Refusal) -> None:
    """Schedule the signing of an image that is pushed again without any change, if a signature of it has failed."""
    if any(each["status"] == FAILED for each in signing_statuses(work, image)):
        sign_on_push(work, repository, image, now, refusal)


def signing_statuses(work: UnitOfWork, image: Image) -> list[dict[str, str]]:
    """Return the status of each signature, in the form of DescribeImageSigningStatus."""
    return list((work.image_documents.find(image, DOCUMENT) or {}).values())


def note_success(work: UnitOfWork, image: Image, profile: str) -> None:
    """Note that an image is signed with a profile."""
    _note(work, image, profile, {"status": COMPLETE})


def note_failure(work: UnitOfWork, image: Image, profile: str, code: str, reason: str) -> None:
    """Note why an image is not signed with a profile."""
    _note(work, image, profile, {"status": FAILED, "failureCode": code, "failureReason": reason})


def _note(work: UnitOfWork, image: Image, profile: str, status: dict[str, Any]) -> None:
    known = work.image_documents.find(image, DOCUMENT) or {}
    work.image_documents.put(image, DOCUMENT, known | {profile: {"signingProfileArn": profile, **status}})
