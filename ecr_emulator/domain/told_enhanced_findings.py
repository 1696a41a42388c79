"""Told findings as an enhanced scan reports them, in the shape of Amazon Inspector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from ecr_emulator.domain.enhanced_findings import enhanced_findings, finding_frame, finding_title, fix_available
from ecr_emulator.domain.finding_schemas import DECIDED_BY_SCANS
from ecr_emulator.domain.findings import VENDOR_TIMES, ToldFindings, told_time
from ecr_emulator.domain.image import Image
from ecr_emulator.domain.packages import Package
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.vulnerabilities import Score, Vulnerability

_NO_FIX = "NotAvailable"


def told_enhanced_findings(
    told: ToldFindings, repository: Repository, image: Image, now: datetime
) -> tuple[dict[str, Any], ...]:
    """Return the findings as JSON, like ``enhanced_findings``, in the order in which they were told."""
    if told.enhanced_findings is None:
        return tuple(enhanced_findings(_vulnerabilities(told.findings), repository, image, now))
    return tuple(_completed(each, repository, image, now) for each in told.enhanced_findings)


def _completed(told: dict[str, Any], repository: Repository, image: Image, now: datetime) -> dict[str, Any]:
    """Return a finding with what the user has left out."""
    details = told["packageVulnerabilityDetails"]
    name, severity = details["vulnerabilityId"], told["severity"]
    packages, scores = details.get("vulnerablePackages", []), details.get("cvss", [])
    fixes = [each.get("fixedInVersion", _NO_FIX) != _NO_FIX for each in packages]
    usual_details = {
        "source": "NVD",
        "vendorSeverity": severity,
        "cvss": [],
        "referenceUrls": [],
        "relatedVulnerabilities": [],
        "vulnerablePackages": [],
    }
    usual = {
        "title": finding_title(name, [each["name"] for each in packages]),
        "description": name,
        "score": scores[0]["baseScore"] if scores else 0.0,
        "fixAvailable": fix_available(fixes),
        "exploitAvailable": "NO",
        "remediation": {"recommendation": {"text": "None Provided"}},
    }
    given = {member: value for member, value in told.items() if member not in DECIDED_BY_SCANS}
    completed = finding_frame(name, repository, image, now) | usual | given
    times = {member: told_time(details[member]).isoformat() for member in VENDOR_TIMES if member in details}
    return completed | {"packageVulnerabilityDetails": usual_details | details | times}


def _vulnerabilities(findings: Iterable[dict[str, Any]]) -> Iterator[Vulnerability]:
    for finding in findings:
        attributes = {each["key"]: each.get("value", "") for each in finding.get("attributes", ())}
        name, version = attributes.get("package_name", ""), attributes.get("package_version", "")
        yield Vulnerability(
            finding["name"],
            Package("", name, version, path=""),
            finding["severity"],
            advisory="",
            description=finding.get("description", ""),
            scores=tuple(_scores(attributes)),
            url=finding.get("uri", ""),
        )


def _scores(attributes: dict[str, str]) -> Iterator[Score]:
    """Yield the scores of CVSS that the attributes of a basic finding have."""
    for major in ("3", "4", "2"):
        vector = attributes.get(f"CVSS{major}_VECTOR", "")
        version = vector.removeprefix("CVSS:").partition("/")[0] if vector.startswith("CVSS:") else f"{major}.0"
        try:
            yield Score(version, float(attributes[f"CVSS{major}_SCORE"]), vector)
        except (KeyError, ValueError):
            continue
