"""New images, by push, import or restore: scan, sign and replicate them as the registry is configured."""

from __future__ import annotations

from datetime import datetime

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.enhanced_scans import start_enhanced_scan
from ecr_emulator.services.replication import replicate_image
from ecr_emulator.services.scanning import scan_on_push
from ecr_emulator.services.signing import Refusal, nobody_refuses, sign_on_push


def process_new_image(
    work: UnitOfWork,
    repository: Repository,
    image: Image,
    tag: str | None,
    now: datetime,
    signing_refusal: Refusal = nobody_refuses,
) -> None:
    """Do what the registry is configured to do with new images, under one of the image's tags.

    ``signing_refusal`` is that of the identity that stores the image.
    """
    scan_new_image(work, repository, image, now)
    sign_on_push(work, repository, image, now, signing_refusal)
    replicate_image(work, repository, image, tag, now)


def scan_new_image(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> None:
    """Start the scan of a new image that the registry is configured to make, a basic or an enhanced one."""
    scan_on_push(work, repository, image, now)
    start_enhanced_scan(work, repository, image, now)
