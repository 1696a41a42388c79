"""Findings that users tell, as enhanced scans report them: in Inspector's shape, with and without advisories."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.services.image_scanner import ImageScanner
from ecr_emulator.settings import Settings
from tests.support.admin_api import AdminClient
from tests.support.advisories import CRITICAL_VECTOR
from tests.support.boto import client_of
from tests.support.enhanced_scans import (
    APP,
    FLASK,
    configure,
    described,
    events,
    finding_events,
    names,
    push,
    status,
)

CVE = {
    "name": "CVE-2026-1",
    "severity": "HIGH",
    "description": "Bad.",
    "uri": "https://example.com/1",
    "attributes": [
        {"key": "package_name", "value": "bash"},
        {"key": "package_version", "value": "5.0-1"},
        {"key": "CVSS3_VECTOR", "value": CRITICAL_VECTOR},
        {"key": "CVSS3_SCORE", "value": "9.8"},
    ],
}
TIMES = {"vendorCreatedAt": "2026-01-31T12:00:00Z", "vendorUpdatedAt": "2026-02-28T12:00:00.500Z"}
LEAST = {"severity": "LOW", "packageVulnerabilityDetails": {"vulnerabilityId": "CVE-2026-7"}}


@pytest.fixture(params=[True, False], ids=["with advisories", "without advisories"])
def emulator(request, folder, clock):
    with Emulator(Settings(vulnerabilities=folder if request.param else None), clock) as running:
        yield running


@pytest.fixture
def tell(emulator):
    """Return a function that tells the findings of an image, or of every image."""
    http = AdminClient(emulator.wsgi)

    def put(findings, enhanced=None, digest="*"):
        body = {"findings": findings} | ({} if enhanced is None else {"enhancedFindings": enhanced})
        answer = http.put(f"/_ecr/findings/{digest}", json=body)
        assert (answer.status_code, answer.json) == (200, {"digest": digest} | body)
        assert http.get(f"/_ecr/findings/{digest}").json == answer.json

    return put


@pytest.fixture
def forget(emulator):
    """Return a function that removes the findings of every image."""
    http = AdminClient(emulator.wsgi)
    return lambda: http.delete("/_ecr/findings/*")


def findings_of(ecr):
    return described(ecr)["imageScanFindings"]["enhancedFindings"]


def test_findings_of_basic_scans_are_reported_in_the_shape_of_inspector(ecr, emulator, clock, tell, monkeypatch):
    read = []
    monkeypatch.setattr(ImageScanner, "_scan", lambda *given: read.append(given))
    tell([CVE, {"name": "NAME", "severity": "UNDEFINED"}])
    digest = push(ecr, FLASK)
    answer = described(ecr)
    assert answer["imageScanStatus"] == {"status": "ACTIVE", "description": "Continuous scan is selected for image."}
    assert answer["imageScanFindings"]["findingSeverityCounts"] == {"HIGH": 1, "UNTRIAGED": 1}
    assert answer["imageScanFindings"]["imageScanCompletedAt"] == clock.now()
    first, second = answer["imageScanFindings"]["enhancedFindings"]
    details = first["packageVulnerabilityDetails"]
    assert (first["title"], first["severity"], first["score"]) == ("CVE-2026-1 - bash", "HIGH", 9.8)
    assert (first["description"], details["sourceUrl"]) == ("Bad.", "https://example.com/1")
    assert details["vulnerablePackages"] == [
        {"name": "bash", "version": "5.0-1", "packageManager": "OS", "fixedInVersion": "NotAvailable"}
    ]
    assert details["cvss"] == [{"baseScore": 9.8, "scoringVector": CRITICAL_VECTOR, "version": "3.1", "source": "NVD"}]
    assert first["resources"][0]["details"]["awsEcrContainerImage"]["imageHash"] == digest
    assert (second["title"], second["severity"], second["description"]) == ("NAME", "UNTRIAGED", "NAME")
    assert second["packageVulnerabilityDetails"]["vulnerablePackages"] == []
    assert finding_events(emulator) == [("CVE-2026-1", "ACTIVE"), ("NAME", "ACTIVE")]
    (event,) = events(emulator, "Inspector2 Scan")
    assert event["detail"]["finding-severity-counts"] == {"HIGH": 1, "UNTRIAGED": 1, "TOTAL": 2}
    assert read == []


def test_a_vulnerability_of_several_packages_is_one_finding(ecr, tell):
    others = [{"key": "package_name", "value": "sh"}, {"key": "package_version", "value": "1"}]
    tell([CVE, CVE | {"attributes": others}])
    push(ecr, FLASK)
    (finding,) = findings_of(ecr)
    assert finding["title"] == "CVE-2026-1 - bash, sh"
    assert len(finding["packageVulnerabilityDetails"]["vulnerablePackages"]) == 2


def test_findings_in_the_shape_of_inspector_are_completed(ecr, clock, tell):
    package = {"name": "flask", "version": "1.0", "packageManager": "PYTHONPKG", "fixedInVersion": "2.0"}
    details = {
        "vulnerabilityId": "CVE-2026-2",
        "vulnerablePackages": [package, package | {"name": "jinja", "fixedInVersion": "NotAvailable"}],
        "cvss": [{"baseScore": 7.5, "scoringVector": "CVSS:3.1/…", "version": "3.1", "source": "NVD"}],
        "vendorCreatedAt": "2026-01-31T12:00:00+01:00",
    }
    tell([], [{"severity": "MEDIUM", "packageVulnerabilityDetails": details}, LEAST])
    push(ecr, FLASK)
    first, second = findings_of(ecr)
    assert first["packageVulnerabilityDetails"] == details | {
        "source": "NVD",
        "vendorSeverity": "MEDIUM",
        "vendorCreatedAt": datetime(2026, 1, 31, 11, tzinfo=UTC),
        "referenceUrls": [],
        "relatedVulnerabilities": [],
    }
    assert (first["title"], first["score"], first["fixAvailable"]) == ("CVE-2026-2 - flask, jinja", 7.5, "PARTIAL")
    assert (second["title"], second["status"], second["score"]) == ("CVE-2026-7", "ACTIVE", 0.0)
    assert (second["fixAvailable"], second["firstObservedAt"]) == ("NO", clock.now())


def test_an_answer_of_ecr_can_be_told_as_it_is(ecr, clock, tell):
    tell([], [LEAST | {"fixAvailable": "YES", "exploitAvailable": "YES", "title": "T"}])
    push(ecr, FLASK)
    (given,) = findings_of(ecr)
    clock.advance(timedelta(hours=1))
    told = dict(given) | {name: given[name].isoformat() for name in ("firstObservedAt", "lastObservedAt", "updatedAt")}
    told["resources"] = [{"type": "AWS_ECR_CONTAINER_IMAGE", "id": "elsewhere"}]
    tell([], [told | {"awsAccountId": "999999999999", "severity": "HIGH"}])
    (found,) = findings_of(ecr)
    assert found == given | {"severity": "HIGH", "updatedAt": clock.now(), "lastObservedAt": clock.now()}


def test_the_bytes_of_an_answer_of_ecr_can_be_told_as_they_are(ecr, tell):
    answers = []
    ecr.meta.events.register(
        "before-parse.ecr.DescribeImageScanFindings",
        lambda response_dict, **_: answers.append(json.loads(response_dict["body"])),
    )
    tell([], [LEAST | {"packageVulnerabilityDetails": {"vulnerabilityId": "CVE-2026-7", **TIMES}}])
    push(ecr, FLASK)
    given = findings_of(ecr)
    told = answers[0]["imageScanFindings"]["enhancedFindings"]
    assert isinstance(told[0]["packageVulnerabilityDetails"]["vendorCreatedAt"], float)
    tell([], told)
    assert [each["packageVulnerabilityDetails"] for each in findings_of(ecr)] == [
        each["packageVulnerabilityDetails"] for each in given
    ]


def test_an_empty_list_is_a_clean_image(ecr, tell):
    tell([CVE], [])
    push(ecr, FLASK)
    assert (status(ecr)[0], findings_of(ecr)) == ("ACTIVE", [])


def test_findings_come_in_pages(ecr, tell):
    tell([CVE], [LEAST, {"severity": "HIGH", "packageVulnerabilityDetails": {"vulnerabilityId": "CVE-2026-8"}}])
    push(ecr, FLASK)
    first = described(ecr, maxResults=1)
    second = described(ecr, maxResults=1, nextToken=first["nextToken"])
    pages = [page["imageScanFindings"]["enhancedFindings"] for page in (first, second)]
    assert [[each["severity"] for each in page] for page in pages] == [["LOW"], ["HIGH"]]


def test_a_basic_scan_reports_the_findings_of_basic_scans(ecr, tell):
    tell([CVE], [LEAST])
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[])
    push(ecr, FLASK)
    ecr.start_image_scan(repositoryName=APP, imageId={"imageTag": "v1"})
    assert described(ecr)["imageScanFindings"]["findings"] == [CVE]


def test_a_continuous_scan_follows_what_is_told(ecr, emulator, clock, tell):
    push(ecr, FLASK)
    described(ecr)
    before = finding_events(emulator)
    tell([CVE])
    assert names(ecr) == ["CVE-2026-1"]
    tell([CVE, {"name": "CVE-2026-3", "severity": "LOW"}])
    assert names(ecr) == ["CVE-2026-1", "CVE-2026-3"]
    emulator.services.due_work.complete_everything(clock.advance(timedelta(hours=1)))
    tell([])
    emulator.services.due_work.complete_everything(clock.advance(timedelta(hours=24)))
    found = finding_events(emulator)[len(before) :]
    if before:
        assert found.pop(1) == ("GHSA-1", "CLOSED")
    assert found == [
        ("CVE-2026-1", "ACTIVE"),
        ("CVE-2026-3", "ACTIVE"),
        ("CVE-2026-1", "CLOSED"),
        ("CVE-2026-3", "CLOSED"),
    ]


def test_findings_that_are_told_no_more_are_closed(ecr, emulator, tell, forget):
    tell([CVE])
    push(ecr, FLASK)
    assert names(ecr) == ["CVE-2026-1"]
    forget()
    found = described(ecr)["imageScanFindings"]
    assert ("CVE-2026-1", "CLOSED") in finding_events(emulator)
    if emulator.services.background.scanner:
        assert [each["title"] for each in found["enhancedFindings"]] == ["GHSA-1 - flask"]
    else:
        assert found == {"findings": []}


def test_findings_of_an_image_win_over_those_of_every_image(ecr, tell):
    tell([CVE])
    tell([{"name": "OWN", "severity": "LOW"}], digest=push(ecr, FLASK))
    assert names(ecr) == ["OWN"]


class TestScanOnPush:
    @pytest.fixture
    def frequency(self):
        return "SCAN_ON_PUSH"

    def test_findings_that_are_told_after_the_scan_come_too_late(self, ecr, tell):
        tell([CVE])
        push(ecr, FLASK)
        assert names(ecr) == ["CVE-2026-1"]
        tell([])
        assert names(ecr) == ["CVE-2026-1"]


def test_an_index_has_no_scan_whatever_is_told(ecr, emulator, tell):
    tell([CVE])
    manifest = '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}'
    ecr.put_image(repositoryName=APP, imageManifest=manifest, imageTag="v1")
    with pytest.raises(ecr.exceptions.ScanNotFoundException):
        described(ecr)
    assert finding_events(emulator) == []


def test_told_findings_outlive_the_process(tmp_path):
    for is_first in (True, False):
        with Emulator(Settings(data_dir=tmp_path)) as emulator:
            http = AdminClient(emulator.wsgi)
            if is_first:
                http.put("/_ecr/findings/*", json={"findings": [], "enhancedFindings": [LEAST]})
                ecr = client_of(emulator)
                ecr.create_repository(repositoryName=APP)
                configure(ecr, "CONTINUOUS_SCAN")
                push(ecr, FLASK)
            assert names(client_of(emulator)) == ["CVE-2026-7"]
            assert http.get("/_ecr/findings/*").json["enhancedFindings"] == [LEAST]
