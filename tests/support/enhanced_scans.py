"""Images with vulnerable packages, advisories about them, and enhanced scans of them through boto3."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Any

from ecr_emulator.emulator import Emulator
from ecr_emulator.testing.upstream.images import OCI_LAYER, Content, UpstreamImage, image
from tests.support.advisories import CRITICAL_VECTOR, advisory, affected, fixed
from tests.support.image_layers import tar
from tests.support.images import put_image

APP = "team/app"
SYSTEM = {
    "etc/os-release": "ID=debian\nVERSION_ID=12\n",
    "var/lib/dpkg/status": "".join(
        f"Package: {name}\nSource: openssl\nArchitecture: amd64\nVersion: 1:3.0.11-1~deb12u2\n\n"
        for name in ("libssl3", "openssl")
    ),
}
FLASK = {"app/flask.dist-info/METADATA": "Name: flask\nVersion: 1.0\n"}
ADVISORIES = [
    advisory(
        "CVE-2024-0001",
        affected("Debian:12", "openssl", *fixed("1:3.0.11-2")),
        severity=[{"type": "CVSS_V3", "score": CRITICAL_VECTOR}],
        details="Bad.",
        published="2024-01-01T00:00:00Z",
        references=[{"type": "WEB", "url": "https://example.com/a"}],
    ),
    advisory("GHSA-1", affected("PyPI", "flask", {"introduced": "0"}), aliases=["PYSEC-1"]),
]
LATER = advisory("CVE-2024-0009", affected("PyPI", "flask", *fixed("9")))


def configure(ecr: Any, frequency: str, pattern: str = "*") -> None:
    """Let a registry scan matching repositories with enhanced scanning."""
    rule = {"scanFrequency": frequency, "repositoryFilters": [{"filter": pattern, "filterType": "WILDCARD"}]}
    ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[rule])


def image_with(files: Mapping[str, Any], tag: str = "v1") -> UpstreamImage:
    """Return an image with one layer that has these files."""
    return image(tag, Content(gzip.compress(tar(files), mtime=0), OCI_LAYER))


def push(ecr: Any, files: Mapping[str, Any], tag: str = "v1", repository: str = APP) -> str:
    """Push an image with these files, and return its digest."""
    return put_image(ecr, repository, image_with(files, tag), tag)


def described(ecr: Any, tag: str = "v1", repository: str = APP, **members: Any) -> dict[str, Any]:
    """Return the answer of DescribeImageScanFindings."""
    answer: dict[str, Any] = ecr.describe_image_scan_findings(
        repositoryName=repository, imageId={"imageTag": tag}, **members
    )
    return answer


def status(ecr: Any, tag: str = "v1", repository: str = APP) -> tuple[str, str | None]:
    """Return the status of a scan and its description."""
    scan = described(ecr, tag, repository)["imageScanStatus"]
    return scan["status"], scan.get("description")


def names(ecr: Any, tag: str = "v1", repository: str = APP) -> list[str]:
    """Return the identifiers of the vulnerabilities that an enhanced scan has found."""
    found = described(ecr, tag, repository)["imageScanFindings"]["enhancedFindings"]
    return [each["packageVulnerabilityDetails"]["vulnerabilityId"] for each in found]


def events(emulator: Emulator, *detail_types: str) -> list[dict[str, Any]]:
    """Return the recorded events of these types, oldest first, as EventBridge delivers them."""
    with emulator.services.store.reading() as work:
        found = [each.envelope() for each in work.events.after(0, 10_000)]
    return [each for each in found if each["detail-type"] in detail_types]


def finding_events(emulator: Emulator) -> list[tuple[str, str]]:
    """Return the vulnerability and the status of each event about a finding, oldest first."""
    details = (each["detail"] for each in events(emulator, "Inspector2 Finding"))
    return [(each["packageVulnerabilityDetails"]["vulnerabilityId"], each["status"]) for each in details]
