"""Scans of images.

A scan reports the findings that the user has told the emulator for the image. Without any, it reports what the scanner
finds. Without a scanner it fails like a scan of ECR on an image that it cannot read. It never claims that an image
without told findings is clean.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ecr_emulator.domain.basic_findings import basic_findings
from ecr_emulator.domain.events import FrequencyChange, image_scan, scan_frequency_change
from ecr_emulator.domain.image import Image
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.packages import OPERATING_SYSTEM
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.scanning import (
    BASIC,
    DOCUMENT,
    ENHANCED,
    IN_PROGRESS,
    MANUAL,
    PERIOD,
    SCAN_ON_PUSH,
    Scan,
    coverage_of,
    is_scannable,
)
from ecr_emulator.domain.task import Task
from ecr_emulator.errors import (
    EcrError,
    ImageArchivedException,
    KmsException,
    LimitExceededException,
    UnsupportedImageTypeException,
    ValidationException,
)
from ecr_emulator.ports.encryption_keys import EncryptionKeys
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.enhanced_scans import enhanced_scan_of
from ecr_emulator.services.image_scanner import ImageScanner, ScanResult
from ecr_emulator.services.image_tasks import find_image, image_task
from ecr_emulator.services.scanning_configuration import (
    coverage,
    has_enhanced_scanning,
    is_enhanced,
    scanning_configuration,
)
from ecr_emulator.services.told_findings import told_findings
from ecr_emulator.services.wanted_scans import BASIC_SCAN

MAX_SCANS = 100_000
"""Maximum number of scans of a registry in 24 hours."""
BATCH = 500
"""Number of repositories that are read at a time when a configuration changes."""


def scan_of(
    work: UnitOfWork, repository: Repository, image: Image, now: datetime, scanner: ImageScanner | None
) -> Scan | None:
    """Return the scan of an image. An ENHANCED registry does not show basic scans.

    The findings of an enhanced scan have the members of basic ones.
    """
    if has_enhanced_scanning(work, repository.registry):
        enhanced = enhanced_scan_of(work, repository, image, now, scanner)
        return enhanced.in_short if enhanced else None
    scan = work.scans.find(image)
    return scan if scan is None or image.is_active else scan.archived


def start_scan(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> None:
    """Start the scan that a client asks for.

    Raises Validation, ImageArchived, UnsupportedImageType and LimitExceeded.
    """
    refusal = refusal_to_scan(work, repository, image, now)
    if refusal:
        raise refusal
    _start(work, repository, image, now)


def refusal_to_scan(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> EcrError | None:
    """Return the error with which StartImageScan answers for an image; None if it starts a scan."""
    if has_enhanced_scanning(work, repository.registry):
        return ValidationException("This feature is disabled")
    if not image.is_active:
        return ImageArchivedException()
    if not is_scannable(image):
        return UnsupportedImageTypeException(media_type=image.artifact_media_type or image.media_type)
    if _was_scanned(work, image, now):
        return LimitExceededException("The scan quota per image has been exceeded. Wait and try again.")
    if work.scans.count_since(repository.registry, now - PERIOD) >= MAX_SCANS:
        return LimitExceededException()
    return None


def scan_on_push(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> None:
    """Start the scan that follows a push, if the configuration asks for it and the image can be scanned."""
    configuration = scanning_configuration(work, repository.registry)
    if (
        configuration["scanType"] == BASIC
        and coverage_of(configuration, repository).frequency == SCAN_ON_PUSH
        and is_scannable(image)
        and not _was_scanned(work, image, now)
    ):
        _start(work, repository, image, now)


def finish_scan(
    work: UnitOfWork, task: Task, now: datetime, keys: EncryptionKeys, scanner: ImageScanner | None
) -> dict[str, Any] | None:
    """Perform the task that ends a scan. It fails if the key of the repository cannot decrypt the image.

    Returns an empty progress if the scanner has to prepare the task first.
    """
    result = scanner.take_result(task) if scanner else ScanResult()
    found = find_image(work, task)
    scan = work.scans.find(found[1]) if found else None
    if found is None or scan is None or scan.status != IN_PROGRESS:
        return None
    repository, image = found
    finished = _finished_without_scanner(work, scan, repository, image, now, keys)
    if finished is None:
        if result is None:
            return {}
        finished = _finished(scan, result, now)
    work.scans.save(image, finished)
    work.events.add(image_scan(repository, image, finished.status, finished.severity_counts, now))
    return None


def _finished_without_scanner(
    work: UnitOfWork, scan: Scan, repository: Repository, image: Image, now: datetime, keys: EncryptionKeys
) -> Scan | None:
    try:
        keys.check(repository)
    except KmsException as failure:
        return scan.fail(now, f"{KmsException.__name__}: {failure.message}")
    told = told_findings(work, image)
    return None if told is None else scan.complete(told.findings, now)


def _finished(scan: Scan, result: ScanResult, now: datetime) -> Scan:
    """Return a basic scan with its result. Basic scans look at the packages of the operating system alone."""
    if result.reason:
        return scan.fail(now, result.reason)
    if not result.covers_system:
        return scan.fail(now)
    found = [each for each in result.vulnerabilities if each.package.kind in OPERATING_SYSTEM]
    return scan.complete(basic_findings(found), now, result.updated_at, result.note)


def configure(work: UnitOfWork, registry: Registry, configuration: dict[str, Any], now: datetime) -> None:
    """Store a registry's configuration. Add an event if it is ENHANCED and changes the frequency of a repository."""
    before = scanning_configuration(work, registry)
    work.registry_documents.put(registry, DOCUMENT, configuration)
    if configuration["scanType"] != ENHANCED:
        return
    changes = []
    for repository in _repositories(work, registry):
        old, new = (coverage_of(each, repository).frequency for each in (before, configuration))
        if old != new:
            changes.append(FrequencyChange(repository, old, new))
    if changes:
        work.events.add(scan_frequency_change(registry, changes, now))


def announce_scanning(work: UnitOfWork, repository: Repository) -> None:
    """Add an event about a new repository if enhanced scanning covers it."""
    if is_enhanced(work, repository):
        change = FrequencyChange(repository, MANUAL, coverage(work, repository).frequency)
        work.events.add(scan_frequency_change(repository.registry, [change], repository.created_at))


def _start(work: UnitOfWork, repository: Repository, image: Image, now: datetime) -> None:
    work.scans.save(image, Scan(now))
    work.tasks.add(image_task(BASIC_SCAN, repository, image.digest, now))


def _was_scanned(work: UnitOfWork, image: Image, now: datetime) -> bool:
    scan = work.scans.find(image)
    return scan is not None and scan.prevents_another(now)


def _repositories(work: UnitOfWork, registry: Registry) -> Iterator[Repository]:
    after = ""
    while batch := work.repositories.page(registry, after, BATCH):
        yield from batch
        after = batch[-1].name
