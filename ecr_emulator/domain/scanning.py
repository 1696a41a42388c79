"""Image scanning: which repositories are scanned when, and what a scan tells.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.manifest import SCHEMA1, SCHEMA1_SIGNED
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.wildcards import matches
from ecr_emulator.errors import InvalidParameterException

DOCUMENT = "scanning"
"""The name of the registry document that holds the configuration."""
DEFAULT: dict[str, Any] = {"scanType": "BASIC", "rules": []}
"""The configuration of a registry that nobody has configured."""

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
"""An image is scanned once in this time."""

CONFIGS = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
"""The configs of images, as opposed to those of other artifacts."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan of an image, under way or at its end. ``findings`` have the shape of ``ImageScanFinding``."""

    started_at: datetime
    status: str = IN_PROGRESS
    description: str | None = None
    completed_at: datetime | None = None
    findings: tuple[dict[str, Any], ...] = ()

    def complete(self, findings: Iterable[dict[str, Any]], now: datetime) -> Scan:
        """The scan when it has found these."""
        description = COMPLETED_WELL
        return replace(self, status=COMPLETE, description=description, completed_at=now, findings=tuple(findings))

    def fail(self, now: datetime) -> Scan:
        """The scan when nothing is known of the image."""
        return replace(self, status=FAILED, description=UNSUPPORTED, completed_at=now)

    @property
    def archived(self) -> Scan:
        """The scan as an archived image shows it."""
        return Scan(self.started_at, IMAGE_ARCHIVED)

    @property
    def severity_counts(self) -> dict[str, int]:
        """How many findings there are of each severity that was found."""
        return dict(Counter(finding["severity"] for finding in self.findings))

    def bars_another(self, now: datetime) -> bool:
        """Whether it is too early to scan the image again."""
        return now - self.started_at < PERIOD


class Coverage(NamedTuple):
    """How often a repository is scanned, and by which filters of the registry's rules, in the API's form."""

    frequency: str = MANUAL
    filters: tuple[dict[str, str], ...] = ()


def is_scannable(image: Image) -> bool:
    """Whether it is an image, as opposed to an index or to another artifact."""
    return image.artifact_media_type in CONFIGS or image.media_type in (SCHEMA1, SCHEMA1_SIGNED)


def enhanced_scan(image: Image) -> Scan | None:
    """The enhanced scan of an image, which never ends; None if the image cannot be scanned.

    There is no Amazon Inspector, so nothing is found, and no time of completion says that somebody has looked.
    """
    if not is_scannable(image):
        return None
    scan = Scan(image.pushed_at, ACTIVE, CONTINUOUS)
    return scan if image.is_active else scan.archived


def filter_matches(pattern: str, repository_name: str) -> bool:
    """Whether a scan filter takes in a repository: one without a wildcard does if the name contains it.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
    """
    return matches(pattern, repository_name) if "*" in pattern else pattern in repository_name


def coverage_of(configuration: dict[str, Any], repository: Repository) -> Coverage:
    """How a registry's configuration has a repository scanned.

    CONTINUOUS_SCAN wins; of several filters that match, ECR lists the last. In a BASIC registry, the repository's own
    setting counts where no rule matches; in an ENHANCED one it counts for nothing.
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
    """Refuse frequencies that the scan type does not know, or that come twice: ``InvalidParameterException``."""
    frequencies = [rule["scanFrequency"] for rule in configuration["rules"]]
    if configuration["scanType"] == BASIC and CONTINUOUS_SCAN in frequencies:
        raise _invalid(f"Invalid scan frequency for scanType BASIC: {CONTINUOUS_SCAN}")
    twice = [frequency for frequency, times in Counter(frequencies).items() if times > 1]
    if twice:
        raise _invalid(f"Invalid input. Contains duplicate scan frequencies: [{', '.join(twice)}]")


def _invalid(constraint: str) -> InvalidParameterException:
    return InvalidParameterException(f"Invalid parameter failed to satisfy constraint: '{constraint}'")
