"""Enhanced scans of images, as Amazon Inspector makes them.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced.html
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ecr_emulator.domain.finding_changes import with_earlier_times
from ecr_emulator.domain.image import Image
from ecr_emulator.domain.scanning import ACTIVE, CONTINUOUS, FAILED, IMAGE_ARCHIVED, Scan
from ecr_emulator.quick_dataclasses import dataclass

PENDING = "PENDING"
UNSUPPORTED_IMAGE = "UNSUPPORTED_IMAGE"
SCAN_ELIGIBILITY_EXPIRED = "SCAN_ELIGIBILITY_EXPIRED"
EXPIRED = "The configured scan duration has lapsed for this image."
WAITING = "This image has been identified for scanning, results will be available soon."
WATCH = timedelta(days=14)
"""Time after its push and after its last pull in which an image is scanned again. Inspector's default for both."""


@dataclass(frozen=True, slots=True)
class EnhancedScan:
    """The last enhanced scan of an image. ``findings`` are JSON (``enhanced_findings``).

    ``source`` is the state of the advisories or told findings that the scan used, or empty if there were none.
    ``updated_at`` is the time of the newest advisory. ``platform`` is that of the image, like ``linux/arm64``, if it
    was read. A failed scan keeps the findings of the scan before it, and does not show them. ``was_active`` says that
    an earlier scan was active.
    """

    status: str
    scanned_at: datetime
    source: str
    updated_at: datetime | None = None
    findings: tuple[dict[str, Any], ...] = ()
    description: str = CONTINUOUS
    platform: str = ""
    was_active: bool = False

    @classmethod
    def of(cls, document: dict[str, Any]) -> EnhancedScan:
        """Return the scan that a document holds."""
        updated_at = document["updatedAt"]
        return cls(
            document["status"],
            datetime.fromisoformat(document["scannedAt"]),
            document["source"],
            datetime.fromisoformat(updated_at) if updated_at else None,
            tuple(document["findings"]),
            document["description"],
            document.get("platform", ""),
            document.get("wasActive", False),
        )

    def document(self) -> dict[str, Any]:
        """Return the scan as JSON."""
        return {
            "status": self.status,
            "scannedAt": self.scanned_at.isoformat(),
            "source": self.source,
            "updatedAt": self.updated_at.isoformat() if self.updated_at else None,
            "findings": list(self.findings),
            "description": self.description,
            "platform": self.platform,
            "wasActive": self.was_active,
        }

    def after(self, earlier: EnhancedScan) -> EnhancedScan:
        """Return this scan as one that follows another: findings that stay keep the times of their first observation.

        A failed scan has not seen any finding disappear.
        """
        was_active = earlier.was_active or earlier.status == ACTIVE
        if self.status == FAILED:
            return replace(self, findings=earlier.findings, platform=earlier.platform, was_active=was_active)
        findings = with_earlier_times(self.findings, earlier.findings)
        return replace(self, findings=findings, was_active=was_active)

    def seen(self, image: Image, now: datetime, *, is_continuous: bool) -> EnhancedScan:
        """Return the scan as clients see it. An image that is archived or not watched any more has no findings."""
        if not image.is_active:
            return replace(self, status=IMAGE_ARCHIVED, description="", findings=())
        if is_continuous and not is_watched(image, now):
            return replace(self, status=SCAN_ELIGIBILITY_EXPIRED, description=EXPIRED, findings=())
        return self

    @property
    def in_short(self) -> Scan:
        """The scan with the members that findings of basic scans have, for people."""
        findings = (
            {
                "name": each["packageVulnerabilityDetails"]["vulnerabilityId"],
                "severity": each["severity"],
                "description": each["description"],
            }
            for each in (self.findings if self.has_findings else ())
        )
        completed_at = self.scanned_at if self.source else None
        return Scan(self.scanned_at, self.status, self.description, completed_at, tuple(findings), self.updated_at)

    @property
    def has_findings(self) -> bool:
        """Whether clients see the list of findings, which may be empty."""
        return self.status == ACTIVE


def watched_until(image: Image) -> datetime:
    """Return when an image that is scanned continuously is no longer scanned, unless it is pulled before."""
    latest = max(image.pushed_at, image.last_pulled_at or image.pushed_at, image.last_activated_at or image.pushed_at)
    return latest + WATCH


def is_watched(image: Image, now: datetime) -> bool:
    """Whether an image was pushed or pulled so recently that it is scanned again."""
    return now < watched_until(image)
