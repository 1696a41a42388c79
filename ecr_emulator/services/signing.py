"""Signatures that a registry is configured to make.

The emulator has no AWS Signer, so each signature is reported as failed, with that reason. The emulator does not sign
images itself: no trust store would accept such a signature.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.signing import DOCUMENT, SIGNATURE, signing_profiles
from ecr_emulator.domain.task import Task
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.image_tasks import find_image, image_task

KIND = "sign"
FAILURE = {
    "failureCode": "SignerUnavailable",
    "failureReason": "The emulator has no AWS Signer, so the image is not signed.",
}


def sign_on_push(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> None:
    """Schedule the signing of an image with every profile whose rule matches its repository."""
    configuration = work.registry_documents.find(repository.registry, DOCUMENT)
    if configuration is None or image.artifact_media_type == SIGNATURE:
        return
    profiles = signing_profiles(configuration, repository.name)
    if profiles:
        _save(work, image, profiles, {"status": "IN_PROGRESS"})
        work.tasks.add(image_task(KIND, repository, image.digest, now, profiles=profiles))


def sign(work: UnitOfWork, task: Task, now: datetime) -> None:
    """Perform the task that ``sign_on_push`` scheduled."""
    found = find_image(work, task)
    if found:
        _save(work, found[1], task.arguments["profiles"], {"status": "FAILED", **FAILURE})


def signing_statuses(work: UnitOfWork, image: Image) -> list[dict[str, str]]:
    """Return the status of each signature, in the form of DescribeImageSigningStatus."""
    return list((work.image_documents.find(image, DOCUMENT) or {}).values())


def _save(work: UnitOfWork, image: Image, profiles: list[str], status: dict[str, Any]) -> None:
    known = work.image_documents.find(image, DOCUMENT) or {}
    new = {profile: {"signingProfileArn": profile, **status} for profile in profiles}
    work.image_documents.put(image, DOCUMENT, known | new)
