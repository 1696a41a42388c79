"""Enhanced scans: of new images, and again of images that are scanned continuously.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced.html
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ecr_emulator.domain.enhanced_findings import enhanced_findings, severity_counts
from ecr_emulator.domain.enhanced_scan import PENDING, UNSUPPORTED_IMAGE, WAITING, EnhancedScan, is_watched
from ecr_emulator.domain.events import inspector_scan
from ecr_emulator.domain.image import Image
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.scanning import ACTIVE, CONTINUOUS_SCAN, FAILED, UNSUPPORTED, is_scannable
from ecr_emulator.domain.task import Task
from ecr_emulator.ports.store import Store, UnitOfWork
from ecr_emulator.services.image_scanner import ImageScanner, ScanResult
from ecr_emulator.services.image_tasks import find_image, image_task
from ecr_emulator.services.scanning_configuration import coverage, is_enhanced
from ecr_emulator.services.wanted_scans import ENHANCED_SCAN, find_enhanced_scan, wants_enhanced_scan

PERIOD = timedelta(hours=24)
"""Time after which a continuous scan looks for newer advisories."""


def start_enhanced_scan(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> None:
    """Let a task scan a new image if enhanced scanning covers its repository."""
    if is_scannable(image) and is_enhanced(work, repository):
        work.tasks.add(image_task(ENHANCED_SCAN, repository, image.digest, now))


def scan_if_wanted(store: Store, scanner: ImageScanner, repository: Repository, image: Image, now: datetime) -> bool:
    """Let a task scan an image that has not been scanned, or whose advisories have changed; return whether it will."""
    state = scanner.state()
    with store.reading() as work:
        if not wants_enhanced_scan(work, repository, image, state, now):
            return False
    task = image_task(ENHANCED_SCAN, repository, image.digest, now)
    with store.writing() as work:
        waiting = work.tasks.find(task.key)
        if waiting is None or waiting.due_at > now:
            work.tasks.add(task)
    return True


def enhanced_scan_of(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> EnhancedScan:
    """Return the enhanced scan of an image as clients see it."""
    scan = find_enhanced_scan(work, image) or EnhancedScan(PENDING, now, "", description=WAITING)
    return scan.seen(image, now, is_continuous=coverage(work, repository).frequency == CONTINUOUS_SCAN)


def finish(work: UnitOfWork, task: Task, now: datetime, scanner: ImageScanner | None) -> dict[str, Any] | None:
    """Perform the task that scans an image. Returns an empty progress if the scanner has to prepare it first.

    An image that is scanned continuously gets a task for the next day.
    """
    result = scanner.take_result(task) if scanner else None
    found = find_image(work, task)
    if found is None or scanner is None or not is_enhanced(work, found[0]):
        return None
    if result is None:
        return {}
    repository, image = found
    if not result.is_unchanged:
        _store(work, repository, image, result, now)
    is_continuous = coverage(work, repository).frequency == CONTINUOUS_SCAN
    if is_continuous and image.is_active and is_watched(image, now + PERIOD):
        work.tasks.add(image_task(ENHANCED_SCAN, repository, image.digest, now + PERIOD))
    return None


def _store(work: UnitOfWork, repository: Repository, image: Image, result: ScanResult, now: datetime) -> None:
    before = find_enhanced_scan(work, image)
    scan = _scan(repository, image, result, now)
    if before is not None:
        scan = scan.after(before)
    work.image_documents.put(image, ENHANCED_SCAN, scan.document())
    if before is None and scan.status == ACTIVE:
        work.events.add(inspector_scan(repository, image, severity_counts(scan.findings), now))


def _scan(repository: Repository, image: Image, result: ScanResult, now: datetime) -> EnhancedScan:
    if result.reason:
        return EnhancedScan(FAILED, now, result.state, description=result.reason)
    if not result.covers_packages:
        return EnhancedScan(UNSUPPORTED_IMAGE, now, result.state, description=UNSUPPORTED)
    findings = enhanced_findings(result.vulnerabilities, repository, image, now)
    return EnhancedScan(ACTIVE, now, result.state, result.updated_at, tuple(findings))
