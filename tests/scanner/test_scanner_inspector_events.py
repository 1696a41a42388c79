"""Events of Amazon Inspector about findings: one for each that is new, has changed or was closed, and no others."""

from datetime import timedelta

import pytest
from werkzeug.test import Client

from ecr_emulator.cli.events import _line
from ecr_emulator.services import enhanced_scans
from tests.support.advisories import CRITICAL_VECTOR, advisory, affected, fixed, write
from tests.support.boto import client_of
from tests.support.enhanced_scans import (
    APP,
    FLASK,
    LATER,
    SYSTEM,
    configure,
    described,
    events,
    finding_events,
    names,
    push,
    status,
)
from tests.support.event_rules import EventRules

ARN = f"arn:aws:ecr:us-east-1:000000000000:repository/{APP}"
OPENED = ("GHSA-1", "ACTIVE")
CLOSED = ("GHSA-1", "CLOSED")


@pytest.fixture
def scanned(ecr, emulator):
    """An image with a finding; return its digest."""
    digest = push(ecr, FLASK)
    assert names(ecr) == ["GHSA-1"]
    assert finding_events(emulator) == [OPENED]
    return digest


def test_a_new_finding_has_an_event(ecr, emulator):
    digest = push(ecr, SYSTEM)
    (finding,) = described(ecr)["imageScanFindings"]["enhancedFindings"]
    layer = finding["packageVulnerabilityDetails"]["vulnerablePackages"][0]["sourceLayerHash"]
    observed = "Wed Mar 04 05:06:07.089 UTC 2026"
    place = {"version": "3.0.11", "release": "1~deb12u2", "epoch": 1, "arch": "amd64", "packageManager": "OS"}
    fix = {"fixedInVersion": "1:3.0.11-2", "sourceLayerHash": layer}
    cvss = {"score": 9.8, "scoreSource": "NVD", "scoringVector": CRITICAL_VECTOR, "version": "3.1"}
    (event,) = events(emulator, "Inspector2 Finding")
    assert (event["source"], event["account"], event["region"]) == ("aws.inspector2", "000000000000", "us-east-1")
    assert event["resources"] == [f"{ARN}/{digest}"]
    assert event["detail"] == {
        "awsAccountId": "000000000000",
        "description": "Bad.",
        "exploitAvailable": "NO",
        "findingArn": finding["findingArn"],
        "firstObservedAt": observed,
        "fixAvailable": "YES",
        "inspectorScore": 9.8,
        "inspectorScoreDetails": {"adjustedCvss": {"adjustments": [], "cvssSource": "NVD"} | cvss},
        "lastObservedAt": observed,
        "packageVulnerabilityDetails": {
            "cvss": [{"baseScore": 9.8, "scoringVector": CRITICAL_VECTOR, "source": "NVD", "version": "3.1"}],
            "referenceUrls": ["https://example.com/a"],
            "relatedVulnerabilities": [],
            "source": "NVD",
            "sourceUrl": "https://nvd.nist.gov/vuln/detail/CVE-2024-0001",
            "vendorCreatedAt": "Mon Jan 01 00:00:00.000 UTC 2024",
            "vendorSeverity": "CRITICAL",
            "vendorUpdatedAt": "Wed May 01 12:00:00.000 UTC 2024",
            "vulnerabilityId": "CVE-2024-0001",
            "vulnerablePackages": [{"name": "libssl3"} | place | fix, {"name": "openssl"} | place | fix],
        },
        "remediation": {"recommendation": {"text": "None Provided"}},
        "resources": [
            {
                "details": {
                    "awsEcrContainerImage": {
                        "architecture": "amd64",
                        "imageHash": digest,
                        "imageTags": ["v1"],
                        "platform": "linux",
                        "pushedAt": observed,
                        "registry": "000000000000",
                        "repositoryName": APP,
                    }
                },
                "id": f"{ARN}/{digest}",
                "partition": "aws",
                "region": "us-east-1",
                "tags": {},
                "type": "AWS_ECR_CONTAINER_IMAGE",
            }
        ],
        "severity": "CRITICAL",
        "status": "ACTIVE",
        "title": "CVE-2024-0001 - libssl3, openssl",
        "type": "PACKAGE_VULNERABILITY",
        "updatedAt": observed,
    }


def test_findings_come_after_the_push_and_before_the_end_of_the_scan(ecr, emulator):
    push(ecr, SYSTEM | FLASK)
    described(ecr)
    found = events(emulator, "ECR Image Action", "Inspector2 Finding", "Inspector2 Scan")
    assert [each["detail-type"].split()[1] for each in found] == ["Image", "Finding", "Finding", "Scan"]
    assert finding_events(emulator) == [("CVE-2024-0001", "ACTIVE"), OPENED]
    assert "inspectorScore" not in found[2]["detail"]


def test_only_changes_have_events(ecr, emulator, folder, clock, scanned):
    write(folder, LATER)
    clock.advance(timedelta(hours=1))
    assert names(ecr) == ["CVE-2024-0009", "GHSA-1"]
    assert finding_events(emulator) == [OPENED, ("CVE-2024-0009", "ACTIVE")]
    (folder / "CVE-2024-0009.json").unlink()
    clock.advance(timedelta(hours=1))
    assert names(ecr) == ["GHSA-1"]
    assert finding_events(emulator)[2:] == [("CVE-2024-0009", "CLOSED")]
    closed = events(emulator, "Inspector2 Finding")[-1]["detail"]
    assert closed["firstObservedAt"] == closed["lastObservedAt"] == "Wed Mar 04 06:06:07.089 UTC 2026"
    assert closed["updatedAt"] == "Wed Mar 04 07:06:07.089 UTC 2026"


def test_a_finding_that_has_changed_has_an_event(ecr, emulator, folder, clock, scanned):
    before = clock.now()
    severity = [{"type": "CVSS_V3", "score": CRITICAL_VECTOR}]
    write(folder, advisory("GHSA-1", affected("PyPI", "flask", *fixed("2")), severity=severity))
    clock.advance(timedelta(hours=1))
    (finding,) = described(ecr)["imageScanFindings"]["enhancedFindings"]
    assert (finding["severity"], finding["firstObservedAt"], finding["updatedAt"]) == ("CRITICAL", before, clock.now())
    assert finding_events(emulator) == [OPENED, OPENED]
    write(folder, LATER)
    clock.advance(timedelta(hours=1))
    unchanged = described(ecr)["imageScanFindings"]["enhancedFindings"][0]
    assert unchanged["updatedAt"] == finding["updatedAt"]
    assert unchanged["lastObservedAt"] == clock.now()


def test_a_failed_scan_closes_no_finding(ecr, emulator, folder, clock, scanned):
    (folder / "GHSA-1.json").rename(folder.parent / "kept")
    (folder / "CVE-2024-0001.json").unlink()
    assert status(ecr) == ("FAILED", f"{folder} has no advisories in the format of OSV.")
    (folder.parent / "kept").rename(folder / "GHSA-1.json")
    clock.advance(timedelta(hours=1))
    (finding,) = described(ecr)["imageScanFindings"]["enhancedFindings"]
    assert finding["firstObservedAt"] == clock.now() - timedelta(hours=1)
    assert finding_events(emulator) == [OPENED]


def test_the_first_scan_that_succeeds_is_announced(ecr, emulator, folder):
    for path in folder.iterdir():
        path.unlink()
    push(ecr, FLASK)
    assert status(ecr)[0] == "FAILED"
    write(folder, LATER)
    assert names(ecr) == ["CVE-2024-0009"]
    assert len(events(emulator, "Inspector2 Scan")) == 1


@pytest.mark.parametrize("image_id", ["imageTag", "imageDigest"])
def test_a_deletion_closes_the_findings(ecr, emulator, clock, scanned, image_id):
    chosen = {"imageTag": "v1", "imageDigest": scanned}[image_id]
    ecr.batch_delete_image(repositoryName=APP, imageIds=[{image_id: chosen}])
    assert finding_events(emulator) == [OPENED, CLOSED]
    last = events(emulator, "ECR Image Action", "Inspector2 Finding")[-2:]
    assert [each["detail-type"] for each in last] == ["ECR Image Action", "Inspector2 Finding"]


def test_the_removal_of_a_tag_closes_nothing(ecr, emulator, scanned):
    manifest = ecr.batch_get_image(repositoryName=APP, imageIds=[{"imageTag": "v1"}])["images"][0]["imageManifest"]
    ecr.put_image(repositoryName=APP, imageManifest=manifest, imageTag="v2")
    ecr.batch_delete_image(repositoryName=APP, imageIds=[{"imageTag": "v1"}])
    assert finding_events(emulator) == [OPENED]


def test_the_deletion_of_a_repository_closes_the_findings(ecr, emulator, scanned):
    ecr.delete_repository(repositoryName=APP, force=True)
    assert finding_events(emulator) == [OPENED, CLOSED]


def test_an_archived_image_has_no_findings_until_it_is_restored(ecr, emulator, clock, scanned):
    image_id = {"imageDigest": scanned}
    ecr.update_image_storage_class(repositoryName=APP, imageId=image_id, targetStorageClass="ARCHIVE")
    assert finding_events(emulator) == [OPENED, CLOSED]
    clock.advance(timedelta(days=100))
    ecr.update_image_storage_class(repositoryName=APP, imageId=image_id, targetStorageClass="STANDARD")
    assert names(ecr) == ["GHSA-1"]
    assert finding_events(emulator) == [OPENED, CLOSED, OPENED]
    assert len(events(emulator, "Inspector2 Scan")) == 2


def test_the_end_of_a_continuous_scan_closes_the_findings(ecr, emulator, clock, scanned):
    start = clock.now()
    emulator.services.due_work.complete_everything(clock.advance(timedelta(days=13, hours=23)))
    assert finding_events(emulator) == [OPENED]
    emulator.services.due_work.complete_everything(clock.advance(timedelta(days=5)))
    assert finding_events(emulator) == [OPENED, CLOSED]
    closed = events(emulator, "Inspector2 Finding")[-1]
    assert closed["time"] == f"{start + timedelta(days=14):%Y-%m-%dT%H:%M:%SZ}"
    assert status(ecr)[0] == "SCAN_ELIGIBILITY_EXPIRED"


def test_an_image_is_scanned_again_after_its_time_when_it_is_pulled(ecr, emulator, clock, scanned):
    emulator.services.due_work.complete_everything(clock.advance(timedelta(days=20)))
    ecr.batch_get_image(repositoryName=APP, imageIds=[{"imageTag": "v1"}])
    assert names(ecr) == ["GHSA-1"]
    assert finding_events(emulator) == [OPENED, CLOSED, OPENED]


@pytest.mark.parametrize("scan_type", ["BASIC", "ENHANCED"])
def test_findings_are_closed_within_a_day_when_no_rule_covers_the_repository(ecr, emulator, clock, scanned, scan_type):
    ecr.put_registry_scanning_configuration(scanType=scan_type, rules=[])
    emulator.services.due_work.complete_everything(clock.advance(timedelta(hours=24)))
    assert finding_events(emulator) == [OPENED, CLOSED]
    configure(ecr, "CONTINUOUS_SCAN")
    assert names(ecr) == ["GHSA-1"]


def test_a_scan_has_a_limited_number_of_events(ecr, emulator, caplog, monkeypatch):
    monkeypatch.setattr(enhanced_scans, "MAX_EVENTS", 1)
    digest = push(ecr, SYSTEM | FLASK)
    assert len(names(ecr)) == 2
    assert finding_events(emulator) == [("CVE-2024-0001", "ACTIVE")]
    assert f"2 findings of {APP}@{digest} have changed; 1 events tell of them" in caplog.text


def test_an_event_names_a_limited_number_of_packages(ecr, emulator):
    push(ecr, {f"{number}/flask.dist-info/METADATA": "Name: flask\nVersion: 1.0\n" for number in range(150)})
    (finding,) = described(ecr)["imageScanFindings"]["enhancedFindings"]
    (event,) = events(emulator, "Inspector2 Finding")
    packages = [each["packageVulnerabilityDetails"]["vulnerablePackages"] for each in (finding, event["detail"])]
    assert list(map(len, packages)) == [150, 100]


def test_a_rule_of_event_bridge_receives_findings_by_their_severity(ecr, emulator):
    rules = EventRules(emulator, "000000000000")
    queue = rules.queue("critical")
    pattern = {"source": ["aws.inspector2"], "detail": {"severity": ["CRITICAL"], "status": ["ACTIVE"]}}
    rules.put("critical", pattern, {"Arn": queue.arn})
    push(ecr, SYSTEM | FLASK)
    described(ecr)
    assert [each["detail"]["title"] for each in queue.receive()] == ["CVE-2024-0001 - libssl3, openssl"]


def test_an_image_has_a_finding_of_its_own_in_each_registry(ecr, emulator):
    other = client_of(emulator, region="eu-west-1")
    other.create_repository(repositoryName=APP)
    configure(other, "SCAN_ON_PUSH")
    for each in (ecr, other):
        push(each, FLASK)
        assert names(each) == ["GHSA-1"]
    arns = [each["detail"]["findingArn"].split(":")[3] for each in events(emulator, "Inspector2 Finding")]
    assert arns == ["us-east-1", "eu-west-1"]


def test_people_read_of_findings_and_their_images(emulator, ecr, clock, scanned):
    ecr.batch_delete_image(repositoryName=APP, imageIds=[{"imageTag": "v1"}])
    page = Client(emulator.wsgi).get("/_ecr/console/000000000000/us-east-1/activity").text
    for words in ("finding GHSA-1 is untriaged", "finding GHSA-1 closed", f"{APP}:v1"):
        assert words in page
    assert ARN not in page
    lines = [_line(each) for each in events(emulator, "Inspector2 Finding", "Inspector2 Scan")]
    assert [line.partition("  ")[2] for line in lines] == [
        f"Inspector2 Finding  {APP}:v1  GHSA-1  UNTRIAGED  ACTIVE",
        f"Inspector2 Scan  {APP}:v1  INITIAL_SCAN_COMPLETE",
        f"Inspector2 Finding  {APP}:v1  GHSA-1  UNTRIAGED  CLOSED",
    ]
