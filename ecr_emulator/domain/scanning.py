"""Image scanning: the scan frequency of repositories, and the results of scans.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.manifest import SCHEMA1, SCHEMA1_SIGNED
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.wildcards import matches
from ecr_emulator.errors import InvalidParameterException
from ecr_emulator.quick_dataclasses import dataclass

DOCUMENT = "scanning"
"""The name of the registry document that holds the configuration."""
DEFAULT: dict[str, Any] = {"scanType": "BASIC", "rules": []}
"""The configuration of a new registry."""

BASIC = "BASIC"
ENHANCED = "ENHANCED"
MANUAL = "MANUAL"
SCAN_ON_PUSH = "SCAN_ON_PUSH"
CONTINUOUS_SCAN = "CONTINUOUS_SCAN"
_BY_PRECEDENCE = (CONTINUOUS_SCAN, SCAN_ON_PUSH, MANUAL)

IN_PROGRESS = "IN_PROGRESS"
COMPLETE = "COMPLETE"
FAILED = "FAILED"
ACTIVE = "ACTIVE"
IMAGE_ARCHIVED = "IMAGE_ARCHIVED"
COMPLETED_WELL = "The scan was completed successfully."
UNSUPPORTED = "UnsupportedImageError: The operating system and/or package manager are not supported."
CONTINUOUS = "Continuous scan is selected for image."

PERIOD = timedelta(hours=24)
"""Time in which an image can be scanned once."""

CONFIGS = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
"""The media types of the configs of container images."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan of an image, in progress or ended. ``findings`` have the shape of ``ImageScanFinding``.

    ``source_updated_at`` is the time of the newest advisory that the scan knew.
    """

    started_at: datetime
    status: str = IN_PROGRESS
    description: str | None = None
    completed_at: datetime | None = None
    findings: tuple[dict[str, Any], ...] = ()
    source_updated_at: datetime | None = None

    def complete(
        self,
        findings: Iterable[dict[str, Any]],
        now: datetime,
        source_updated_at: datetime | None = None,
        note: str = "",
    ) -> Scan:
        """Return the completed scan with its findings. Told findings are as new as the scan.

        ``note`` is added to the description.
        """
        return replace(
            self,
            status=COMPLETE,
            description=f"{COMPLETED_WELL} {note}".strip(),
            completed_at=now,
            findings=tuple(findings),
            source_updated_at=source_updated_at or now,
        )

    def fail(self, now: datetime, reason: str = UNSUPPORTED) -> Scan:
        """Return the failed scan. Without another reason, no findings were set for its image."""
        return replace(self, status=FAILED, description=reason, completed_at=now)

    @property
    def archived(self) -> Scan:
        """The scan as it is shown for an archived image."""
        return Scan(self.started_at, IMAGE_ARCHIVED)

    @property
    def severity_counts(self) -> dict[str, int]:
        """The number of findings by severity."""
        return dict(Counter(finding["severity"] for finding in self.findings))

    def prevents_another(self, now: datetime) -> bool:
        """Whether this scan is so recent that the image cannot be scanned again."""
        return now - self.started_at < PERIOD


class Coverage(NamedTuple):
    """The scan frequency of a repository, and the filters of the registry's rules that matched, in the API's form."""

    frequency: str = MANUAL
    filters: tuple[dict[str, str], ...] = ()


def is_scannable(image: Image) -> bool:
    """Whether an image is a container image, not an index or another artifact."""
    return image.artifact_media_type in CONFIGS or image.media_type in (SCHEMA1, SCHEMA1_SIGNED)


def filter_matches(pattern: str, repository_name: str) -> bool:
    """Whether a scan filter matches a repository. A filter without a wildcard matches any name that contains it.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
    """
    return matches(pattern, repository_name) if "*" in pattern else pattern in repository_name


def coverage_of(configuration: dict[str, Any], repository: Repository) -> Coverage:
    """Return the scan frequency of a repository and the filter that sets it.

    CONTINUOUS_SCAN wins. If several filters match, ECR lists the last one. In a BASIC registry, the setting of the
    repository applies if no rule matches; in an ENHANCED registry it is ignored.
    """
    rules = sorted(configuration["rules"], key=lambda rule: _BY_PRECEDENCE.index(rule["scanFrequency"]))
    for rule in rules:
        applied = [each for each in rule["repositoryFilters"] if filter_matches(each["filter"], repository.name)]
        if applied:
            return Coverage(rule["scanFrequency"], (applied[-1],))
    if repository.scan_on_push and configuration["scanType"] == BASIC:
        return Coverage(SCAN_ON_PUSH)
    return Coverage()


def check_configuration(configuration: dict[str, Any]) -> None:
    """Raise ``InvalidParameterException`` for a frequency that the scan type lacks, or that two rules have."""
    frequencies = [rule["scanFrequency"] for rule in configuration["rules"]]
    if configuration["scanType"] == BASIC and CONTINUOUS_SCAN in frequencies:
        raise _invalid(f"Invalid scan frequency for scanType BASIC: {CONTINUOUS_SCAN}")
    twice = [frequency for frequency, times in Counter(frequencies).items() if times > 1]
    if twice:
        raise _invalid(f"Invalid input. Contains duplicate scan frequencies: [{', '.join(twice)}]")


def _invalid(constraint: str) -> InvalidParameterException:
    return InvalidParameterException(f"Invalid parameter failed to satisfy constraint: '{constraint}'")
