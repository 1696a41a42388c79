"""Image scanning: its configuration, scans and their findings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.image_ids import get_image, image_identifier, read_image_id
from ecr_emulator.control.pages import Page
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.domain import service_linked_roles
from ecr_emulator.domain.enhanced_findings import severity_counts, with_resources
from ecr_emulator.domain.image import Image, ImageId
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.scanning import COMPLETE, ENHANCED, IN_PROGRESS, Scan, check_configuration
from ecr_emulator.domain.task import Scope
from ecr_emulator.errors import ScanNotFoundException
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.enhanced_scans import enhanced_scan_of, scan_if_wanted
from ecr_emulator.services.scanning import configure, scan_of, start_scan
from ecr_emulator.services.scanning_configuration import coverage, has_enhanced_scanning, scanning_configuration


@operation
def put_image_scanning_configuration(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImageScanningConfiguration.html"""
    scan_on_push = members["imageScanningConfiguration"].get("scanOnPush", False)
    with request.services.store.writing() as work:
        repository = work.repositories.get(request.registry, members["repositoryName"])
        work.repositories.save(replace(repository, scan_on_push=scan_on_push))
    return {
        "registryId": request.registry.id,
        "repositoryName": repository.name,
        "imageScanningConfiguration": {"scanOnPush": scan_on_push},
    }


@operation
def put_registry_scanning_configuration(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutRegistryScanningConfiguration.html

    A request without a scan type keeps the current one. A request without rules removes the current ones.
    """
    with request.services.store.writing() as work:
        kept = scanning_configuration(work, request.registry)["scanType"]
        configuration = {"scanType": members.get("scanType", kept), "rules": members.get("rules", [])}
        check_configuration(configuration)
        configure(work, request.registry, configuration, request.now)
    if configuration["scanType"] == ENHANCED:
        request.services.roles.ensure_service_linked_role(request.registry.id, service_linked_roles.INSPECTOR)
    return {"registryScanningConfiguration": configuration}


@operation
def get_registry_scanning_configuration(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryScanningConfiguration.html"""
    with request.services.store.reading() as work:
        configuration = scanning_configuration(work, request.registry)
    return {"registryId": request.registry.id, "scanningConfiguration": configuration}


@operation
def batch_get_repository_scanning_configuration(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetRepositoryScanningConfiguration.html"""
    configurations, failures = [], []
    with request.services.store.reading() as work:
        for name in dict.fromkeys(members["repositoryNames"]):
            repository = work.repositories.find(request.registry, name)
            if repository:
                configurations.append(_described(work, repository))
            else:
                failures.append(_failure(name))
    return {"scanningConfigurations": configurations, "failures": failures}


@operation
def start_image_scan(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartImageScan.html"""
    with request.services.store.writing() as work:
        repository = work.repositories.get(request.registry, members["repositoryName"])
        image_id = read_image_id(members["imageId"])
        image = get_image(work, repository, image_id)
        start_scan(work, repository, image, request.now)
    return {**_identity(repository, image, image_id), "imageScanStatus": {"status": IN_PROGRESS}}


@operation
def describe_image_scan_findings(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html

    An archived image has no findings. Enhanced scanning without advisories and without told findings has an empty list,
    and none of its scans completes.
    """
    page = Page(request, members)
    with request.services.store.reading() as work:
        repository = work.repositories.get(request.registry, members["repositoryName"])
        image_id = read_image_id(members["imageId"])
        image = get_image(work, repository, image_id)
        is_enhanced = has_enhanced_scanning(work, repository.registry)
        scan = None if is_enhanced else scan_of(work, repository, image, request.now, None)
    answer = _enhanced(request, repository, image, page) if is_enhanced else _basic(scan, page)
    if answer is None:
        raise ScanNotFoundException(
            image_digest=image_id.digest or "null", image_tag=image_id.tag or "null", **repository.identity
        )
    return _identity(repository, image, image_id) | answer


def _basic(scan: Scan | None, page: Page) -> dict[str, Any] | None:
    if scan is None:
        return None
    answer = {"imageScanStatus": {"status": scan.status, "description": scan.description}}
    return answer | _findings(scan, page) if scan.status == COMPLETE else answer


def _enhanced(request: EcrRequest, repository: Repository, image: Image, page: Page) -> dict[str, Any] | None:
    """Return the members that describe an enhanced scan. It is made now if the last one used older data."""
    services, now = request.services, request.now
    scanner = services.background.scanner
    if scan_if_wanted(services.store, scanner, repository, image, now):
        now = services.due_work.complete(now, Scope(repository.registry, repository.name))
    with services.store.reading() as work:
        scan = enhanced_scan_of(work, repository, image, now, scanner)
    if scan is None:
        return None
    answer: dict[str, Any] = {"imageScanStatus": {"status": scan.status, "description": scan.description or None}}
    if not scan.has_findings:
        return answer
    if not scan.source:
        return answer | {"imageScanFindings": {"findings": []}}
    numbered = [(f"{number:09}", finding) for number, finding in enumerate(scan.findings)]
    chosen, token = page.choose(numbered, lambda each: each[0])
    findings = {
        "imageScanCompletedAt": scan.scanned_at,
        "vulnerabilitySourceUpdatedAt": scan.updated_at or scan.scanned_at,
        "findingSeverityCounts": severity_counts(scan.findings),
        "enhancedFindings": [with_resources(finding, repository, image, scan.platform) for _, finding in chosen],
    }
    return answer | {"imageScanFindings": findings, "nextToken": token}


def _findings(scan: Scan, page: Page) -> dict[str, Any]:
    numbered = [(f"{number:09}", finding) for number, finding in enumerate(scan.findings)]
    chosen, token = page.choose(numbered, lambda each: each[0])
    findings = {
        "imageScanCompletedAt": scan.completed_at,
        "vulnerabilitySourceUpdatedAt": scan.source_updated_at or scan.completed_at,
        "findingSeverityCounts": scan.severity_counts,
        "findings": [finding for _, finding in chosen],
    }
    return {"imageScanFindings": findings, "nextToken": token}


def _identity(repository: Repository, image: Image, image_id: ImageId) -> dict[str, Any]:
    tag = image_id.tag or (image.tags[0] if image.tags else None)
    return {
        "registryId": repository.registry.id,
        "repositoryName": repository.name,
        "imageId": image_identifier(ImageId(image.digest, tag)),
    }


def _described(work: UnitOfWork, repository: Repository) -> dict[str, Any]:
    frequency, filters = coverage(work, repository)
    return {
        "repositoryArn": repository.arn,
        "repositoryName": repository.name,
        "scanOnPush": repository.scan_on_push,
        "scanFrequency": frequency,
        "appliedScanFilters": list(filters),
    }


def _failure(repository_name: str) -> dict[str, str]:
    code = "REPOSITORY_NOT_FOUND"
    return {"repositoryName": repository_name, "failureCode": code, "failureReason": code}
