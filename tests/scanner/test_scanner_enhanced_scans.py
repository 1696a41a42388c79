"""Enhanced scans of real layers, through boto3: statuses, findings in Inspector's shape, and what scans them again."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import WaiterError
from werkzeug.test import Client

from tests.support.advisories import CRITICAL_VECTOR, write
from tests.support.boto import client_of
from tests.support.enhanced_scans import (
    APP,
    FLASK,
    LATER,
    SYSTEM,
    configure,
    described,
    events,
    names,
    push,
    status,
)

ARN = f"arn:aws:ecr:us-east-1:000000000000:repository/{APP}"
UNSUPPORTED = "UnsupportedImageError: The operating system and/or package manager are not supported."
CONTINUOUS = "Continuous scan is selected for image."


def test_a_finding_has_the_shape_of_inspector(ecr, clock):
    digest = push(ecr, SYSTEM)
    pushed = clock.now()
    answer = described(ecr)
    assert answer["imageScanStatus"] == {"status": "ACTIVE", "description": CONTINUOUS}
    findings = answer["imageScanFindings"]
    layer = findings["enhancedFindings"][0]["packageVulnerabilityDetails"]["vulnerablePackages"][0]["sourceLayerHash"]
    arn = findings["enhancedFindings"][0]["findingArn"]
    assert arn.startswith("arn:aws:inspector2:us-east-1:000000000000:finding/")
    place = {"version": "3.0.11", "release": "1~deb12u2", "epoch": 1, "arch": "amd64", "packageManager": "OS"}
    fix = {"fixedInVersion": "1:3.0.11-2", "sourceLayerHash": layer}
    assert findings == {
        "imageScanCompletedAt": pushed,
        "vulnerabilitySourceUpdatedAt": datetime(2024, 5, 1, 12, tzinfo=UTC),
        "findingSeverityCounts": {"CRITICAL": 1},
        "enhancedFindings": [
            {
                "awsAccountId": "000000000000",
                "findingArn": arn,
                "type": "PACKAGE_VULNERABILITY",
                "title": "CVE-2024-0001 - libssl3, openssl",
                "description": "Bad.",
                "severity": "CRITICAL",
                "status": "ACTIVE",
                "score": 9.8,
                "scoreDetails": {
                    "cvss": {
                        "adjustments": [],
                        "score": 9.8,
                        "scoreSource": "NVD",
                        "scoringVector": CRITICAL_VECTOR,
                        "version": "3.1",
                    }
                },
                "firstObservedAt": pushed,
                "lastObservedAt": pushed,
                "updatedAt": pushed,
                "fixAvailable": "YES",
                "exploitAvailable": "NO",
                "remediation": {"recommendation": {"text": "None Provided"}},
                "packageVulnerabilityDetails": {
                    "vulnerabilityId": "CVE-2024-0001",
                    "source": "NVD",
                    "sourceUrl": "https://nvd.nist.gov/vuln/detail/CVE-2024-0001",
                    "vendorSeverity": "CRITICAL",
                    "vendorCreatedAt": datetime(2024, 1, 1, tzinfo=UTC),
                    "vendorUpdatedAt": datetime(2024, 5, 1, 12, tzinfo=UTC),
                    "cvss": [{"baseScore": 9.8, "scoringVector": CRITICAL_VECTOR, "version": "3.1", "source": "NVD"}],
                    "referenceUrls": ["https://example.com/a"],
                    "relatedVulnerabilities": [],
                    "vulnerablePackages": [{"name": "libssl3"} | place | fix, {"name": "openssl"} | place | fix],
                },
                "resources": [
                    {
                        "type": "AWS_ECR_CONTAINER_IMAGE",
                        "id": f"{ARN}/{digest}",
                        "tags": {},
                        "details": {
                            "awsEcrContainerImage": {
                                "imageHash": digest,
                                "imageTags": ["v1"],
                                "pushedAt": pushed,
                                "registry": "000000000000",
                                "repositoryName": APP,
                                "platform": "linux",
                                "architecture": "amd64",
                            }
                        },
                    }
                ],
            }
        ],
    }


def test_packages_of_languages_are_scanned_too(ecr):
    push(ecr, SYSTEM | FLASK)
    assert names(ecr) == ["CVE-2024-0001", "GHSA-1"]
    flask = described(ecr)["imageScanFindings"]["enhancedFindings"][1]
    assert (flask["severity"], flask["fixAvailable"], "scoreDetails" in flask) == ("UNTRIAGED", "NO", False)
    (package,) = flask["packageVulnerabilityDetails"]["vulnerablePackages"]
    assert (package["packageManager"], package["filePath"], package["fixedInVersion"]) == (
        "PYTHONPKG",
        "app/flask.dist-info/METADATA",
        "NotAvailable",
    )


def test_findings_come_in_pages(ecr):
    push(ecr, SYSTEM | FLASK)
    first = described(ecr, maxResults=1)
    second = described(ecr, maxResults=1, nextToken=first["nextToken"])
    pages = [page["imageScanFindings"]["enhancedFindings"] for page in (first, second)]
    assert [[each["severity"] for each in page] for page in pages] == [["CRITICAL"], ["UNTRIAGED"]]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (FLASK, ("ACTIVE", CONTINUOUS)),
        ({"app": "static"}, ("UNSUPPORTED_IMAGE", UNSUPPORTED)),
        (SYSTEM | FLASK | {"etc/os-release": "ID=amzn\nVERSION_ID=2023\n"}, ("UNSUPPORTED_IMAGE", UNSUPPORTED)),
    ],
)
def test_an_image_is_unsupported_unless_advisories_cover_its_packages(ecr, files, expected):
    push(ecr, files)
    assert status(ecr) == expected


@pytest.mark.parametrize(
    ("release", "name"), [("ID=debian\nVERSION_ID=99\n", "debian 99"), ("", "an unknown distribution")]
)
def test_the_log_names_a_distribution_without_advisories(ecr, caplog, release, name):
    digest = push(ecr, SYSTEM | FLASK | {"etc/os-release": release})
    assert status(ecr) == ("UNSUPPORTED_IMAGE", UNSUPPORTED)
    assert f"{APP}@{digest}: there are no advisories about its packages of {name}." in caplog.messages
    push(ecr, SYSTEM, "v2")
    push(ecr, FLASK, "v3")
    assert len(caplog.messages) == 1


def test_a_layer_that_cannot_be_read_is_the_reason_of_the_failure(ecr):
    push(ecr, {"../x": ""})
    found, reason = status(ecr)
    assert (found, reason.endswith("leaves the image.")) == ("FAILED", True)


def test_the_waiter_for_basic_scans_gives_up_on_an_active_image(ecr, monkeypatch):
    slept = []
    monkeypatch.setattr("botocore.waiter.time", SimpleNamespace(sleep=slept.append))
    push(ecr, SYSTEM)
    with pytest.raises(WaiterError, match="Max attempts exceeded") as failed:
        ecr.get_waiter("image_scan_complete").wait(repositoryName=APP, imageId={"imageTag": "v1"})
    assert failed.value.last_response["imageScanStatus"]["status"] == "ACTIVE"
    assert 290 < sum(slept) <= 300


def test_the_waiter_for_basic_scans_fails_with_a_scan_that_fails(ecr):
    push(ecr, {"../x": ""})
    with pytest.raises(WaiterError, match="terminal failure state"):
        ecr.get_waiter("image_scan_complete").wait(repositoryName=APP, imageId={"imageTag": "v1"})


def test_the_first_scan_adds_an_event_of_inspector(ecr, emulator, clock):
    digest = push(ecr, SYSTEM | FLASK)
    described(ecr)
    clock.advance(timedelta(days=2))
    described(ecr)
    (event,) = events(emulator, "Inspector2 Scan")
    assert (event["detail-type"], event["resources"]) == ("Inspector2 Scan", [ARN])
    assert event["detail"] == {
        "scan-status": "INITIAL_SCAN_COMPLETE",
        "repository-name": ARN,
        "finding-severity-counts": {"CRITICAL": 1, "UNTRIAGED": 1, "TOTAL": 2},
        "image-digest": digest,
        "image-tags": ["v1"],
        "version": "1.0",
    }


def test_new_advisories_are_found_in_watched_images(ecr, folder, clock):
    push(ecr, FLASK)
    pushed = clock.now()
    assert names(ecr) == ["GHSA-1"]
    clock.advance(timedelta(hours=1))
    write(folder, LATER)
    assert names(ecr) == ["CVE-2024-0009", "GHSA-1"]
    first = [each["firstObservedAt"] for each in described(ecr)["imageScanFindings"]["enhancedFindings"]]
    assert first == [pushed + timedelta(hours=1), pushed]


def test_the_clock_makes_a_continuous_scan_look_for_new_advisories(ecr, emulator, folder, clock):
    push(ecr, FLASK)
    assert names(ecr) == ["GHSA-1"]
    write(folder, LATER)
    now = clock.advance(timedelta(hours=25))
    emulator.services.due_work.complete_everything(now)
    found = described(ecr)["imageScanFindings"]
    assert found["imageScanCompletedAt"] == now - timedelta(hours=1)
    assert len(found["enhancedFindings"]) == 2


def test_an_image_is_not_scanned_again_without_new_advisories(ecr, clock):
    push(ecr, FLASK)
    completed = described(ecr)["imageScanFindings"]["imageScanCompletedAt"]
    clock.advance(timedelta(days=3))
    assert described(ecr)["imageScanFindings"]["imageScanCompletedAt"] == completed


def test_an_image_is_watched_for_14_days_after_its_push_and_its_last_pull(ecr, clock):
    push(ecr, FLASK)
    assert status(ecr)[0] == "ACTIVE"
    clock.advance(timedelta(days=10))
    ecr.batch_get_image(repositoryName=APP, imageIds=[{"imageTag": "v1"}])
    clock.advance(timedelta(days=13))
    assert status(ecr)[0] == "ACTIVE"
    clock.advance(timedelta(days=2))
    expired = ("SCAN_ELIGIBILITY_EXPIRED", "The configured scan duration has lapsed for this image.")
    assert status(ecr) == expired
    assert "imageScanFindings" not in described(ecr)


def test_the_console_shows_what_a_scan_has_found_until_it_has_expired(ecr, emulator, clock):
    console = Client(emulator.wsgi)
    digest = push(ecr, FLASK)
    pages = [f"/_ecr/console/000000000000/us-east-1/{each}" for each in (f"image/{digest}/{APP}", f"repository/{APP}")]
    described(ecr)
    assert all("1 untriaged" in console.get(page).text for page in pages)
    clock.advance(timedelta(days=15))
    for page in pages:
        text = console.get(page).text
        assert "scan eligibility expired" in text
        assert "untriaged" not in text
    assert "The configured scan duration has lapsed for this image." in console.get(pages[0]).text


class TestScanOnPush:
    @pytest.fixture
    def frequency(self):
        return "SCAN_ON_PUSH"

    def test_an_image_is_scanned_once_and_stays_active(self, ecr, folder, clock):
        push(ecr, FLASK)
        assert names(ecr) == ["GHSA-1"]
        write(folder, LATER)
        clock.advance(timedelta(days=30))
        assert (names(ecr), status(ecr)[0]) == (["GHSA-1"], "ACTIVE")

    def test_an_image_that_was_pushed_before_is_scanned_when_somebody_asks(self, ecr):
        ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[])
        push(ecr, FLASK)
        configure(ecr, "SCAN_ON_PUSH")
        assert names(ecr) == ["GHSA-1"]


class TestDelay:
    @pytest.fixture
    def delay(self):
        return 8.0

    def test_a_scan_is_pending_until_it_is_made(self, ecr, clock):
        push(ecr, FLASK)
        for _ in range(2):
            assert status(ecr)[0] == "PENDING"
            clock.advance(timedelta(seconds=3))
        clock.advance(timedelta(seconds=3))
        assert names(ecr) == ["GHSA-1"]


def test_an_archived_image_has_no_findings(ecr):
    digest = push(ecr, FLASK)
    assert names(ecr) == ["GHSA-1"]
    ecr.update_image_storage_class(repositoryName=APP, imageId={"imageDigest": digest}, targetStorageClass="ARCHIVE")
    answer = ecr.describe_image_scan_findings(repositoryName=APP, imageId={"imageDigest": digest})
    assert answer["imageScanStatus"]["status"] == "IMAGE_ARCHIVED"
    assert "imageScanFindings" not in answer


def test_a_replica_is_scanned_at_its_destination(ecr, emulator):
    destination = client_of(emulator, region="eu-west-1")
    configure(destination, "SCAN_ON_PUSH")
    rule = {"destinations": [{"region": "eu-west-1", "registryId": "000000000000"}]}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [rule]})
    push(ecr, FLASK)
    assert names(destination) == ["GHSA-1"]
    assert [event["region"] for event in events(emulator, "Inspector2 Scan")].count("eu-west-1") == 1


def test_a_restored_image_is_scanned_again(ecr, clock):
    digest = push(ecr, FLASK)
    assert names(ecr) == ["GHSA-1"]
    image_id = {"imageDigest": digest}
    ecr.update_image_storage_class(repositoryName=APP, imageId=image_id, targetStorageClass="ARCHIVE")
    clock.advance(timedelta(days=100))
    ecr.update_image_storage_class(repositoryName=APP, imageId=image_id, targetStorageClass="STANDARD")
    assert names(ecr) == ["GHSA-1"]
    assert status(ecr)[0] == "ACTIVE"


def test_the_console_lists_the_findings(ecr, emulator):
    digest = push(ecr, FLASK)
    assert names(ecr) == ["GHSA-1"]
    page = Client(emulator.wsgi).get(f"/_ecr/console/000000000000/us-east-1/image/{digest}/{APP}")
    assert page.status_code == 200
    assert "GHSA-1" in page.text


def test_a_repository_that_no_rule_covers_has_no_scan(ecr):
    ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[])
    push(ecr, FLASK)
    with pytest.raises(ecr.exceptions.ScanNotFoundException):
        described(ecr)
