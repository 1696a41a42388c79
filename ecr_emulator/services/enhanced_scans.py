"""Enhanced scans: of new images, and again of images that are scanned continuously.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced.html
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ecr_emulator.domain.enhanced_findings import enhanced_findings, severity_counts
from ecr_emulator.domain.enhanced_scan import PENDING, UNSUPPORTED_IMAGE, WAITING, EnhancedScan, watched_until
from ecr_emulator.domain.events import Event
from ecr_emulator.domain.finding_changes import changes
from ecr_emulator.domain.image import Image
from ecr_emulator.domain.inspector_events import inspector_finding, inspector_scan
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.scanning import ACTIVE, CONTINUOUS, FAILED, UNSUPPORTED, is_scannable
from ecr_emulator.domain.task import Task
from ecr_emulator.domain.told_enhanced_findings import told_enhanced_findings
from ecr_emulator.ports.store import Store, UnitOfWork
from ecr_emulator.services.image_scanner import ImageScanner, ScanResult
from ecr_emulator.services.image_tasks import find_image, image_task
from ecr_emulator.services.scanning_configuration import is_enhanced
from ecr_emulator.services.told_findings import told_findings
from ecr_emulator.services.wanted_scans import (
    ENHANCED_SCAN,
    NO_ADVISORIES,
    find_enhanced_scan,
    is_continuous,
    is_eligible,
    wants_enhanced_scan,
)

log = logging.getLogger(__name__)

PERIOD = timedelta(hours=24)
"""Time after which a continuous scan looks for newer advisories."""
MAX_EVENTS = 1_000
"""Maximum number of events about the findings of one scan."""


def start_enhanced_scan(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> None:
    """Let a task scan a new image if enhanced scanning covers its repository."""
    if is_scannable(image) and is_enhanced(work, repository):
        work.tasks.add(image_task(ENHANCED_SCAN, repository, image.digest, now))


def scan_if_wanted(
    store: Store, scanner: ImageScanner | None, repository: Repository, image: Image, now: datetime
) -> bool:
    """Let a task scan an image that has not been scanned, or whose data have changed; return whether it will."""
    state = scanner.state() if scanner else NO_ADVISORIES
    with store.reading() as work:
        if not wants_enhanced_scan(work, repository, image, state, now):
            return False
    task = image_task(ENHANCED_SCAN, repository, image.digest, now)
    with store.writing() as work:
        waiting = work.tasks.find(task.key)
        if waiting is None or waiting.due_at > now:
            work.tasks.add(task)
    return True


def enhanced_scan_of(
    work: UnitOfWork, repository: Repository, image: Image, now: datetime, scanner: ImageScanner | None
) -> EnhancedScan | None:
    """Return the enhanced scan of an image as clients see it; None if enhanced scanning does not cover it.

    If there is nothing to scan with, no advisories and no told findings, the scan is active and has no source.
    """
    if not (is_scannable(image) and is_enhanced(work, repository)):
        return None
    scan = find_enhanced_scan(work, image)
    if scan is None:
        has_data = scanner is not None or told_findings(work, image) is not None
        scan = EnhancedScan(PENDING, now, "", description=WAITING) if has_data else EnhancedScan(ACTIVE, now, "")
    return scan.seen(image, now, is_continuous=is_continuous(work, repository))


def finish(work: UnitOfWork, task: Task, now: datetime, scanner: ImageScanner | None) -> dict[str, Any] | None:
    """Perform the task that scans an image. Returns an empty progress if the scanner has to prepare it first.

    An image that is scanned continuously gets a task for the next day, or for the end of its time if that is earlier.
    """
    result = scanner.take_result(task) if scanner else None
    found = find_image(work, task)
    if found is None:
        return None
    repository, image = found
    has_data = scanner is not None or told_findings(work, image) is not None
    if not has_data or not is_eligible(work, repository, image, now):
        leave_scanning(work, repository, image, now)
        return None
    if told_findings(work, image) is not None:
        _report_told_findings(work, repository, image, now)
    elif result is None:
        return {}
    elif not result.is_unchanged:
        _store(work, repository, image, _scan(repository, image, result, now))
    if is_continuous(work, repository):
        work.tasks.add(image_task(ENHANCED_SCAN, repository, image.digest, min(now + PERIOD, watched_until(image))))
    return None


def leave_scanning(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> None:
    """Close the findings of an image that enhanced scanning does not cover any more, and forget its scan."""
    if find_enhanced_scan(work, image) is None:
        return
    for event in closed_findings(work, repository, image, now):
        work.events.add(event)
    work.image_documents.put(image, ENHANCED_SCAN, {})


def closed_findings(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> list[Event]:
    """Return the events that close all findings of an image, for instance before it is deleted."""
    before = find_enhanced_scan(work, image)
    return _finding_events(repository, image, replace(before, findings=()), before, now) if before else []


def _report_told_findings(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> None:
    told = told_findings(work, image)
    if told is not None and wants_enhanced_scan(work, repository, image, NO_ADVISORIES, now):
        findings = told_enhanced_findings(told, repository, image, now)
        _store(work, repository, image, EnhancedScan(ACTIVE, now, told.state, findings=findings))


def _store(work: UnitOfWork, repository: Repository, image: Image, scan: EnhancedScan) -> None:
    """Store a scan. Add an event for each finding that it changes, and one if it is the first that is active."""
    before = find_enhanced_scan(work, image)
    scan = scan.after(before) if before else scan
    work.image_documents.put(image, ENHANCED_SCAN, scan.document())
    for event in _finding_events(repository, image, scan, before, scan.scanned_at):
        work.events.add(event)
    if scan.status == ACTIVE and not scan.was_active:
        work.events.add(inspector_scan(repository, image, severity_counts(scan.findings), scan.scanned_at))


def _scan(repository: Repository, image: Image, result: ScanResult, now: datetime) -> EnhancedScan:
    if result.reason:
        return EnhancedScan(FAILED, now, result.state, description=result.reason)
    if not result.covers_packages:
        return EnhancedScan(UNSUPPORTED_IMAGE, now, result.state, description=UNSUPPORTED, platform=result.platform)
    findings = tuple(enhanced_findings(result.vulnerabilities, repository, image, now))
    description = f"{CONTINUOUS} {result.note}".strip()
    return EnhancedScan(ACTIVE, now, result.state, result.updated_at, findings, description, result.platform)


def _finding_events(
    repository: Repository, image: Image, scan: EnhancedScan, before: EnhancedScan | None, now: datetime
) -> list[Event]:
    """Return an event for each finding that differs from the scan before; the worst first, the closed ones last."""
    changed = list(changes(scan.findings, before.findings if before else (), now))
    if len(changed) > MAX_EVENTS:
        name = f"{repository.name}@{image.digest}"
        log.warning("%d findings of %s have changed; %d events tell of them", len(changed), name, MAX_EVENTS)
    return [inspector_finding(repository, image, each, scan.platform, now) for each in changed[:MAX_EVENTS]]
