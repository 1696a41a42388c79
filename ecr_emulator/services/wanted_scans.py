"""Whether an image has to be read for a scan."""

from __future__ import annotations

from datetime import datetime

from ecr_emulator.domain.enhanced_scan import EnhancedScan, is_watched
from ecr_emulator.domain.image import Image
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.scanning import CONTINUOUS_SCAN, IN_PROGRESS, is_scannable
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.scanning_configuration import coverage, is_enhanced
from ecr_emulator.services.told_findings import told_findings

BASIC_SCAN = "scan"
"""The kind of tasks that end a basic scan."""
ENHANCED_SCAN = "enhanced-scan"
"""The kind of tasks that make an enhanced scan, and the name of the image document that holds the last one."""

NO_ADVISORIES = "none"
"""The state of the advisories if there are none."""


def find_enhanced_scan(work: UnitOfWork, image: Image) -> EnhancedScan | None:
    """Return the last enhanced scan of an image; None if it has none, or if the image has left scanning since."""
    document = work.image_documents.find(image, ENHANCED_SCAN)
    return EnhancedScan.of(document) if document else None


def wants_basic_scan(work: UnitOfWork, image: Image) -> bool:
    """Return whether a basic scan of an image is in progress and nobody has told its findings."""
    scan = work.scans.find(image)
    return scan is not None and scan.status == IN_PROGRESS and told_findings(work, image) is None


def is_continuous(work: UnitOfWork, repository: Repository) -> bool:
    """Return whether the images of a repository are scanned continuously."""
    return coverage(work, repository).frequency == CONTINUOUS_SCAN


def is_eligible(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> bool:
    """Return whether enhanced scanning covers an image. Continuous scans end with the time of the image."""
    is_covered = image.is_active and is_scannable(image) and is_enhanced(work, repository)
    return is_covered and (is_watched(image, now) or not is_continuous(work, repository))


def wants_enhanced_scan(
    work: UnitOfWork, repository: Repository, image: Image, state: str | None, now: datetime
) -> bool:
    """Return whether an image has to be scanned: for the first time, or with data that have changed.

    ``state`` is the state of the advisories, None while they are being read, ``NO_ADVISORIES`` if there are none. Told
    findings are used instead of them.
    """
    if not is_eligible(work, repository, image, now):
        return False
    told = told_findings(work, image)
    state = state if told is None else told.state
    scan = find_enhanced_scan(work, image)
    if scan is None:
        return state != NO_ADVISORIES
    return is_continuous(work, repository) and state not in (None, scan.source)
