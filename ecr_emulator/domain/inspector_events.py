"""Events that Amazon Inspector sends about images: a scan has ended, or a finding has changed.

https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ecr_emulator.domain.enhanced_findings import with_resources
from ecr_emulator.domain.events import INSPECTOR_FINDING, INSPECTOR_SCAN, Event
from ecr_emulator.domain.image import Image
from ecr_emulator.domain.repository import Repository

MAX_PACKAGES = 100
"""Maximum number of vulnerable packages that an event names. EventBridge accepts events of at most 256 KB."""


def inspector_scan(repository: Repository, image: Image, severity_counts: dict[str, int], now: datetime) -> Event:
    """``Inspector2 Scan``: the first enhanced scan of an image is complete."""
    detail = {
        "scan-status": "INITIAL_SCAN_COMPLETE",
        "repository-name": repository.arn,
        "finding-severity-counts": severity_counts | {"TOTAL": sum(severity_counts.values())},
        "image-digest": image.digest,
        "image-tags": list(image.tags),
        "version": "1.0",
    }
    return Event(repository.registry, now, INSPECTOR_SCAN, detail, (repository.arn,))


def inspector_finding(
    repository: Repository, image: Image, finding: Mapping[str, Any], platform: str, now: datetime
) -> Event:
    """``Inspector2 Finding``: a finding is new, has changed or was closed. ``finding`` is JSON (``enhanced_findings``).

    Inspector's own name for the score of a finding differs from the name in ECR's API.
    """
    detail = with_resources(finding, repository, image, platform)
    details = detail["packageVulnerabilityDetails"]
    details["vulnerablePackages"] = details["vulnerablePackages"][:MAX_PACKAGES]
    (resource,) = detail["resources"]
    resource |= {"partition": repository.arn.split(":")[1], "region": repository.registry.region}
    score, score_details = detail.pop("score"), detail.pop("scoreDetails", None)
    if score_details:
        cvss = score_details["cvss"]
        detail["inspectorScore"] = score
        detail["inspectorScoreDetails"] = {"adjustedCvss": {"cvssSource": cvss["scoreSource"], **cvss}}
    return Event(repository.registry, now, INSPECTOR_FINDING, _printed(detail), (resource["id"],))


def _printed(value: Any) -> Any:
    """Return a JSON value with its times as Inspector prints them: ``Wed Sep 04 16:55:38.411 UTC 2024``."""
    if isinstance(value, datetime):
        time = value.astimezone(UTC)
        return f"{time:%a %b %d %H:%M:%S}.{time.microsecond // 1000:03} UTC {time:%Y}"
    if isinstance(value, Mapping):
        return {name: _printed(each) for name, each in value.items()}
    return [_printed(each) for each in value] if isinstance(value, list) else value
