"""Findings of basic scans: vulnerabilities of the packages of an image's operating system.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanFinding.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ecr_emulator.domain.vulnerabilities import Vulnerability

_MAX_VALUE = 256
"""Maximum length of an attribute's value."""


def basic_findings(vulnerabilities: Iterable[Vulnerability]) -> tuple[dict[str, Any], ...]:
    """Return the findings in the shape of the API, a finding for each vulnerability of each package."""
    return tuple(_finding(each) for each in vulnerabilities)


def _finding(vulnerability: Vulnerability) -> dict[str, Any]:
    attributes = {"package_version": vulnerability.package.version, "package_name": vulnerability.package.name}
    for score in vulnerability.scores:
        major = score.version[0]
        attributes.setdefault(f"CVSS{major}_VECTOR", score.vector)
        attributes.setdefault(f"CVSS{major}_SCORE", str(score.score))
    return {
        "name": vulnerability.name,
        **({"description": vulnerability.description} if vulnerability.description else {}),
        "uri": vulnerability.url,
        "severity": vulnerability.severity,
        "attributes": [{"key": key, "value": value[:_MAX_VALUE]} for key, value in attributes.items()],
    }
