"""Findings that users tell. They must have the shapes in which ECR reports findings.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanFinding.html
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_EnhancedImageScanFinding.html
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from ecr_emulator.domain.finding_schemas import DOCUMENT

VENDOR_TIMES = ("vendorCreatedAt", "vendorUpdatedAt")
EVERY_IMAGE = "*"
"""Used instead of a digest for the findings of every image that has no findings of its own."""


class ToldFindings(NamedTuple):
    """Findings of an image. ``findings`` have the shape of basic scans, ``enhanced_findings`` that of Inspector.

    If ``enhanced_findings`` is None, enhanced scans report ``findings`` in Inspector's shape.
    """

    findings: list[dict[str, Any]]
    enhanced_findings: list[dict[str, Any]] | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The findings as JSON, as they were told."""
        enhanced = {} if self.enhanced_findings is None else {"enhancedFindings": self.enhanced_findings}
        return {"findings": self.findings} | enhanced

    @property
    def state(self) -> str:
        """A text that changes with the findings."""
        return f"told {sha256(json.dumps(self.document, sort_keys=True).encode()).hexdigest()}"


def read_findings(document: Any) -> ToldFindings:
    """Return the findings in ``{"findings": […], "enhancedFindings": […]}``. An empty list means a clean image.

    Raises ``ValueError`` with the first error and its place.
    """
    from jsonschema import Draft202012Validator

    for error in Draft202012Validator(DOCUMENT).iter_errors(document):
        raise ValueError(f"{error.json_path}: {error.schema.get('$comment', error.message)}")
    told = ToldFindings(document["findings"], document.get("enhancedFindings"))
    details = [each["packageVulnerabilityDetails"] for each in told.enhanced_findings or ()]
    _check_identifiers(each["vulnerabilityId"] for each in details)
    for number, each in enumerate(details):
        for member in VENDOR_TIMES:
            if member in each and not _is_time(each[member]):
                place = f"$.enhancedFindings[{number}].packageVulnerabilityDetails.{member}"
                raise ValueError(f"{place}: {each[member]!r} is no time like 2026-01-31T12:00:00Z")
    return told


def _check_identifiers(identifiers: Iterable[str]) -> None:
    for identifier, times in Counter(identifiers).items():
        if times > 1:
            raise ValueError(
                f"$.enhancedFindings: {times} findings have the vulnerabilityId {identifier!r}. Inspector has one "
                "finding for each vulnerability of an image, and its vulnerablePackages list all packages"
            )


def told_time(told: str | float) -> datetime:
    """Return a time that a user tells: in ISO format, or in seconds since 1970, as an answer of ECR has it.

    Raises ``ValueError``.
    """
    if isinstance(told, str):
        return datetime.fromisoformat(told)
    try:
        return datetime.fromtimestamp(told, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(told) from error


def _is_time(told: str | float) -> bool:
    try:
        return told_time(told).tzinfo is not None
    except ValueError:
        return False
