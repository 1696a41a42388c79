"""Scan findings that users set for their images."""

from __future__ import annotations

import json

import pytest

from ecr_emulator.emulator import Emulator
from tests.support.admin_api import AdminClient
from tests.support.boto import client_of
from tests.support.images import an_image, put_image

DIGEST = "sha256:" + "0" * 64
FINDINGS = [{"name": "CVE-2026-1", "severity": "HIGH", "attributes": [{"key": "package_name", "value": "bash"}]}]


@pytest.fixture
def emulator():
    with Emulator() as running:
        yield running


@pytest.fixture
def http(emulator):
    return AdminClient(emulator.wsgi)


def enhanced(times=1, details=None, **members):
    """Return a body with findings in Inspector's shape, as JSON."""
    details = {"vulnerabilityId": "CVE-1"} if details is None else details
    finding = {"severity": "LOW", "packageVulnerabilityDetails": details} | members
    return json.dumps({"findings": [], "enhancedFindings": [finding] * times})


@pytest.mark.parametrize("digest", [DIGEST, "*"])
def test_findings_are_put_got_and_deleted(http, digest):
    path = f"/_ecr/findings/{digest}"
    for findings in (FINDINGS, []):
        expected = {"digest": digest, "findings": findings}
        answer = http.put(path, json={"findings": findings})
        assert (answer.status_code, answer.json) == (200, expected)
        assert http.get(path).json == expected
    assert http.delete(path).json == expected
    for answer in (http.get(path), http.delete(path)):
        assert (answer.status_code, digest in answer.json["error"]) == (404, True)


def test_a_scan_reports_the_findings_that_were_set(emulator, http):
    ecr = client_of(emulator)
    ecr.create_repository(repositoryName="app", imageScanningConfiguration={"scanOnPush": True})
    image = an_image()
    http.put(f"/_ecr/findings/{image.digest}", json={"findings": FINDINGS})
    put_image(ecr, "app", image, "v1")
    image_id = {"imageTag": "v1"}
    ecr.get_waiter("image_scan_complete").wait(repositoryName="app", imageId=image_id)
    answer = ecr.describe_image_scan_findings(repositoryName="app", imageId=image_id)
    assert answer["imageScanFindings"]["findings"] == FINDINGS


@pytest.mark.parametrize("digest", ["latest", "sha256:1", DIGEST.upper(), "**"])
def test_findings_need_a_digest(http, digest):
    answer = http.put(f"/_ecr/findings/{digest}", json={"findings": []})
    assert (answer.status_code, answer.json["error"]) == (
        400,
        f"'{digest}' must be the digest of an image, or * for every image",
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("no JSON", "Expecting value"),
        ("[]", "[] is not of type 'object'"),
        ('{"findings": [{"name": "CVE-1", "severity": "BAD"}]}', "$.findings[0].severity: 'BAD' is not one of"),
        ('{"enhancedFindings": []}', "$: 'findings' is a required property"),
        (enhanced(severity="UNDEFINED"), "$.enhancedFindings[0].severity: 'UNDEFINED' is not one of"),
        (enhanced(status="CLOSED"), "$.enhancedFindings[0].status: 'status' must be ACTIVE: a finding that is told"),
        (enhanced(score=11), "$.enhancedFindings[0].score: 11 is greater than the maximum of 10"),
        (
            enhanced(name="CVE-1"),
            "$.enhancedFindings[0]: Additional properties are not allowed",
        ),
        (enhanced(details={}), "packageVulnerabilityDetails: 'vulnerabilityId' is a required property"),
        (
            enhanced(details={"vulnerabilityId": "X", "vendorUpdatedAt": "yesterday"}),
            "packageVulnerabilityDetails.vendorUpdatedAt: 'yesterday' is no time like 2026-01-31T12:00:00Z",
        ),
        (
            enhanced(details={"vulnerabilityId": "X", "vendorUpdatedAt": "2026-02-31T12:00:00Z"}),
            "packageVulnerabilityDetails.vendorUpdatedAt: '2026-02-31T12:00:00Z' is no time like 2026-01-31T12:00:00Z",
        ),
        (
            enhanced(details={"vulnerabilityId": "X", "vendorUpdatedAt": 1e30}),
            "packageVulnerabilityDetails.vendorUpdatedAt: 1e+30 is no time like 2026-01-31T12:00:00Z",
        ),
        (
            enhanced(details={"vulnerabilityId": "X", "vulnerablePackages": [{"name": "a"}]}),
            "vulnerablePackages[0]: 'version' is a required property",
        ),
        (enhanced(times=2), "$.enhancedFindings: 2 findings have the vulnerabilityId 'CVE-1'."),
    ],
)
def test_invalid_findings_are_refused_with_an_example(http, body, reason):
    answer = http.put(f"/_ecr/findings/{DIGEST}", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["error"].startswith('The body must be like {"findings": [{"name": ')
    assert reason in answer.json["error"]
    assert http.get(f"/_ecr/findings/{DIGEST}").status_code == 404


def test_reset_removes_findings(http):
    http.put("/_ecr/findings/*", json={"findings": []})
    http.post("/_ecr/reset", json={})
    assert http.get("/_ecr/findings/*").status_code == 404
