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


def find_enhanced_scan(work: UnitOfWork, image: Image) -> EnhancedScan | None:
    """Return the last enhanced scan of an image, or None."""
    document = work.image_documents.find(image, ENHANCED_SCAN)
    return EnhancedScan.of(document) if document else None


def wants_basic_scan(work: UnitOfWork, image: Image) -> bool:
    """Return whether a basic scan of an image is in progress and nobody has told its findings."""
    scan = work.scans.find(image)
    return scan is not None and scan.status == IN_PROGRESS and told_findings(work, image) is None


def wants_enhanced_scan(
    work: UnitOfWork, repository: Repository, image: Image, state: str | None, now: datetime
) -> bool:
    """Return whether an image has to be scanned: for the first time, or with advisories that have changed.

    ``state`` is the state of the advisories, or None while they are being read.
    """
    if not (image.is_active and is_scannable(image) and is_enhanced(work, repository)):
        return False
    scan = find_enhanced_scan(work, image)
    if scan is None or scan.scanned_at < image.pushed_at:
        return True
    is_continuous = coverage(work, repository).frequency == CONTINUOUS_SCAN
    return is_continuous and is_watched(image, now) and state not in (None, scan.source)
