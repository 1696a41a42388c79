"""Findings of enhanced scans, in the shape of Amazon Inspector.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_EnhancedImageScanFinding.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from typing import Any

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.packages import APK, DPKG, OPERATING_SYSTEM, RPM
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.vulnerabilities import UNDEFINED, Vulnerability

UNTRIAGED = "UNTRIAGED"
"""Inspector's word for a vulnerability whose severity nobody has told."""
_TIMES = ("firstObservedAt", "lastObservedAt", "updatedAt", "vendorCreatedAt", "vendorUpdatedAt")
_VERSION = re.compile(r"(?:(?P<epoch>\d+):)?(?P<version>.+?)(?:-(?P<release>[^-]+))?")
_MAX_NAMED = 3
"""Maximum number of packages in a title."""


def enhanced_findings(
    vulnerabilities: Iterable[Vulnerability], repository: Repository, image: Image, now: datetime
) -> list[dict[str, Any]]:
    """Return the findings as JSON, one for each vulnerability, with all packages that have it.

    Times are texts; ``with_resources`` completes the findings.
    """
    ordered = sorted(vulnerabilities, key=lambda each: each.name)
    found = [_finding(list(group), repository, image, now) for _, group in groupby(ordered, key=lambda each: each.name)]
    return sorted(found, key=lambda each: (-each["score"], each["title"]))


def severity_counts(findings: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return the number of findings by severity."""
    return dict(Counter(finding["severity"] for finding in findings))


def with_resources(finding: Mapping[str, Any], repository: Repository, image: Image, platform: str) -> dict[str, Any]:
    """Return a finding as clients see it: with the image as it is now, and with times.

    ``platform`` is like ``linux/arm64``, or empty if it is not known.
    """
    operating_system, _, architecture = platform.partition("/")
    known = {"platform": operating_system, "architecture": architecture.partition("/")[0]}
    details = {
        "imageHash": image.digest,
        "imageTags": list(image.tags),
        "pushedAt": image.pushed_at,
        "registry": repository.registry.id,
        "repositoryName": repository.name,
        **{name: value for name, value in known.items() if value},
    }
    resource = {
        "type": "AWS_ECR_CONTAINER_IMAGE",
        "id": f"{repository.arn}/{image.digest}",
        "details": {"awsEcrContainerImage": details},
        "tags": {},
    }
    package = _timed(finding["packageVulnerabilityDetails"])
    return _timed(finding) | {"packageVulnerabilityDetails": package, "resources": [resource]}


def _timed(members: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: datetime.fromisoformat(members[name]) for name in _TIMES if name in members}
    return {**members, **times}


def finding_frame(name: str, repository: Repository, image: Image, now: datetime) -> dict[str, Any]:
    """Return what the finding of a vulnerability has whatever the vulnerability is: its ARN, type, status and times."""
    registry = repository.registry
    partition = repository.arn.split(":")[1]
    identity = sha256(f"{repository.arn}/{image.digest} {name}".encode()).hexdigest()[:32]
    observed = now.isoformat()
    return {
        "awsAccountId": registry.id,
        "findingArn": f"arn:{partition}:inspector2:{registry.region}:{registry.id}:finding/{identity}",
        "type": "PACKAGE_VULNERABILITY",
        "status": "ACTIVE",
        "firstObservedAt": observed,
        "lastObservedAt": observed,
        "updatedAt": observed,
    }


def finding_title(name: str, packages: Iterable[str]) -> str:
    """Return the title of a finding, which names a vulnerability and some of its packages."""
    names = [each for each in dict.fromkeys(packages) if each]
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return f"{name} - {', '.join(names[:_MAX_NAMED])}{more}" if names else name


def fix_available(fixes: Sequence[bool]) -> str:
    """Return whether all packages, some or none have a version without the vulnerability. No package has no fix."""
    return "YES" if fixes and all(fixes) else "PARTIAL" if any(fixes) else "NO"


def _finding(group: Sequence[Vulnerability], repository: Repository, image: Image, now: datetime) -> dict[str, Any]:
    first = min(group, key=lambda each: not each.scores)
    severity = UNTRIAGED if first.severity == UNDEFINED else first.severity
    finding = {
        "title": finding_title(first.name, (each.package.name for each in group)),
        "description": first.description or first.name,
        "severity": severity,
        "score": first.scores[0].score if first.scores else 0.0,
        "fixAvailable": fix_available([bool(each.fixed_in) for each in group]),
        "exploitAvailable": "NO",
        "remediation": {"recommendation": {"text": "None Provided"}},
        "packageVulnerabilityDetails": _details(first, group, severity),
    }
    scores = {"scoreDetails": {"cvss": _score_details(first)}} if first.scores else {}
    return finding_frame(first.name, repository, image, now) | finding | scores


def _details(first: Vulnerability, group: Sequence[Vulnerability], severity: str) -> dict[str, Any]:
    times = {"vendorCreatedAt": first.published_at, "vendorUpdatedAt": first.modified_at}
    return {
        "vulnerabilityId": first.name,
        "source": _source(first),
        **({"sourceUrl": first.url} if first.url else {}),
        "vendorSeverity": severity,
        "cvss": [
            {
                "baseScore": score.score,
                "scoringVector": score.vector,
                "version": score.version,
                "source": _source(first),
            }
            for score in first.scores
        ],
        "referenceUrls": list(first.references),
        "relatedVulnerabilities": list(first.aliases),
        "vulnerablePackages": [_package(each) for each in dict.fromkeys(group) if each.package.name],
        **{name: time.isoformat() for name, time in times.items() if time},
    }


def _score_details(vulnerability: Vulnerability) -> dict[str, Any]:
    score = vulnerability.scores[0]
    return {
        "adjustments": [],
        "score": score.score,
        "scoreSource": _source(vulnerability),
        "scoringVector": score.vector,
        "version": score.version,
    }


def _source(vulnerability: Vulnerability) -> str:
    return "NVD" if vulnerability.name.startswith("CVE-") else "OSV"


def _package(vulnerability: Vulnerability) -> dict[str, Any]:
    package = vulnerability.package
    found: dict[str, Any] = {"name": package.name, "version": package.version}
    match = _VERSION.fullmatch(package.version)
    if match and package.kind in OPERATING_SYSTEM:
        found["version"] = match["version"]
        found |= {"release": match["release"]} if match["release"] else {}
        found |= {"epoch": int(match["epoch"] or 0)} if package.kind in (DPKG, RPM) else {}
    more = {
        "packageManager": package.manager,
        "arch": package.architecture,
        "filePath": package.path if package.kind not in (DPKG, APK, RPM) else "",
        "sourceLayerHash": package.layer,
        "fixedInVersion": vulnerability.fixed_in or "NotAvailable",
    }
    return found | {name: value for name, value in more.items() if value}
