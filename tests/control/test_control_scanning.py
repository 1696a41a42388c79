"""Image scanning through boto3: scans and their findings."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from ecr_emulator.domain.findings import ToldFindings
from ecr_emulator.services import scanning
from tests.support.images import an_image, an_index, put_image, put_manifest
from tests.support.refusals import refusal

ACCOUNT = "000000000000"
APP = "team/app"
DELAY = timedelta(seconds=8)
DAY = timedelta(hours=24)
FINDINGS = [
    {
        "name": "CVE-2026-1",
        "severity": "HIGH",
        "description": "A flaw.",
        "uri": "https://example.org/CVE-2026-1",
        "attributes": [{"key": "package_name", "value": "bash"}, {"key": "package_version", "value": "5.2"}],
    },
    {"name": "CVE-2026-2", "severity": "LOW"},
    {"name": "CVE-2026-3", "severity": "HIGH"},
]
OVER_QUOTA = ("LimitExceededException", "The scan quota per image has been exceeded. Wait and try again.")
UNSUPPORTED = "UnsupportedImageError: The operating system and/or package manager are not supported."


@pytest.fixture
def background_delay():
    return DELAY


@pytest.fixture
def app(ecr):
    ecr.create_repository(repositoryName=APP)
    return APP


@pytest.fixture
def give_findings(services):
    """Return a function that gives the emulator the findings of an image, or of every image."""

    def give(findings, digest="*"):
        with services.store.writing() as work:
            work.known_findings.put(digest, ToldFindings(findings))

    return give


@pytest.fixture
def events(services):
    """Return a function that lists the events of scans so far."""

    def list_events():
        with services.store.reading() as work:
            found = [event.envelope() for event in work.events.after(0, 1_000)]
        return [event for event in found if event["detail-type"] == "ECR Image Scan"]

    return list_events


def scan_everything(client):
    rule = {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}
    client.put_registry_scanning_configuration(scanType="BASIC", rules=[rule])


def start(client, **image_id):
    return client.start_image_scan(repositoryName=APP, imageId=image_id or {"imageTag": "v1"})


def described(client, **image_id):
    return client.describe_image_scan_findings(repositoryName=APP, imageId=image_id or {"imageTag": "v1"})


def status(client, **image_id):
    return described(client, **image_id)["imageScanStatus"]["status"]


def not_found(digest, tag):
    return (
        "ScanNotFoundException",
        f"Image scan does not exist for the image with '{{imageDigest:'{digest}', imageTag:'{tag}'}}' "
        f"in the repository with name '{APP}' in the registry with id '{ACCOUNT}'",
    )


# --- Findings ------------------------------------------------------------------------------------------------


def test_a_scan_reports_the_known_findings_of_the_image(ecr, app, give_findings, clock):
    digest = put_image(ecr, app, an_image(), "v1")
    give_findings(FINDINGS, digest)
    identity = {
        "registryId": ACCOUNT,
        "repositoryName": app,
        "imageId": {"imageDigest": digest, "imageTag": "v1"},
    }
    answer = start(ecr)
    answer.pop("ResponseMetadata")
    assert answer == identity | {"imageScanStatus": {"status": "IN_PROGRESS"}}
    answer = described(ecr, imageDigest=digest)
    answer.pop("ResponseMetadata")
    assert answer == identity | {"imageScanStatus": {"status": "IN_PROGRESS"}}
    now = clock.advance(DELAY)
    answer = described(ecr)
    answer.pop("ResponseMetadata")
    assert answer == identity | {
        "imageScanStatus": {"status": "COMPLETE", "description": "The scan was completed successfully."},
        "imageScanFindings": {
            "imageScanCompletedAt": now,
            "vulnerabilitySourceUpdatedAt": now,
            "findingSeverityCounts": {"HIGH": 2, "LOW": 1},
            "findings": FINDINGS,
        },
    }


def test_a_scan_of_an_image_without_known_findings_fails(ecr, app, clock):
    put_image(ecr, app, an_image(), "v1")
    start(ecr)
    clock.advance(DELAY)
    answer = described(ecr)
    assert answer["imageScanStatus"] == {"status": "FAILED", "description": UNSUPPORTED}
    assert "imageScanFindings" not in answer


def test_an_image_with_an_empty_list_of_known_findings_has_none(ecr, app, give_findings, clock):
    digest = put_image(ecr, app, an_image(), "v1")
    give_findings(FINDINGS)
    give_findings([], digest)
    start(ecr)
    clock.advance(DELAY)
    findings = described(ecr)["imageScanFindings"]
    assert (findings["findings"], findings["findingSeverityCounts"]) == ([], {})


def test_findings_for_every_image_apply_to_images_without_their_own(ecr, app, give_findings, clock):
    put_image(ecr, app, an_image(), "v1")
    give_findings(FINDINGS)
    start(ecr)
    clock.advance(DELAY)
    assert described(ecr)["imageScanFindings"]["findings"] == FINDINGS


def test_findings_come_in_pages(ecr, app, give_findings, clock):
    many = [{"name": f"CVE-{number}", "severity": "UNDEFINED"} for number in range(250)]
    digest = put_image(ecr, app, an_image(), "v1")
    give_findings(many)
    start(ecr)
    clock.advance(DELAY)
    first = described(ecr)
    assert first["imageScanFindings"]["findings"] == many[:100]
    assert first["imageScanFindings"]["findingSeverityCounts"] == {"UNDEFINED": 250}
    request = {"repositoryName": app, "imageId": {"imageDigest": digest}}
    pages = list(
        ecr.get_paginator("describe_image_scan_findings").paginate(**request, PaginationConfig={"PageSize": 60})
    )
    assert [finding for page in pages for finding in page["imageScanFindings"]["findings"]] == many
    assert len(pages) == 5
    alien = refusal(ecr.describe_image_scan_findings, **request, nextToken=first["nextToken"])
    assert alien[0] == "InvalidParameterException"


def test_the_end_of_a_scan_is_an_event(ecr, app, give_findings, clock, events):
    digest = put_image(ecr, app, an_image(), "v1")
    put_manifest(ecr, app, an_image().raw, "v2")
    start(ecr)
    assert (status(ecr), events()) == ("IN_PROGRESS", [])
    clock.advance(DAY)
    assert status(ecr) == "FAILED"
    give_findings(FINDINGS)
    start(ecr)
    clock.advance(DELAY)
    assert status(ecr) == "COMPLETE"
    assert [event["resources"] for event in events()] == [[f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{app}"]] * 2
    image = {"repository-name": app, "image-digest": digest, "image-tags": ["v1", "v2"]}
    assert [event["detail"] for event in events()] == [
        {"scan-status": "FAILED", "finding-severity-counts": {}, **image},
        {"scan-status": "COMPLETE", "finding-severity-counts": {"HIGH": 2, "LOW": 1}, **image},
    ]


def test_the_waiter_sees_the_end_of_a_scan(ecr, app, give_findings, clock, monkeypatch):
    fake_time = SimpleNamespace(sleep=lambda seconds: clock.advance(timedelta(seconds=seconds)))
    monkeypatch.setattr("botocore.waiter.time", fake_time)
    put_image(ecr, app, an_image(), "v1")
    give_findings(FINDINGS)
    before = clock.now()
    start(ecr)
    ecr.get_waiter("image_scan_complete").wait(repositoryName=app, imageId={"imageTag": "v1"})
    assert clock.now() - before == timedelta(seconds=10)


def test_a_scan_ends_with_its_image(ecr, app, clock, events):
    digest = put_image(ecr, app, an_image(), "v1")
    start(ecr)
    ecr.batch_delete_image(repositoryName=app, imageIds=[{"imageDigest": digest}])
    clock.advance(DELAY)
    assert put_manifest(ecr, app, an_image().raw, "v1") == digest
    assert refusal(described, client=ecr) == not_found("null", "v1")
    assert events() == []


# --- Images that are not scanned -----------------------------------------------------------------------------


def test_an_image_is_scanned_once_a_day(ecr, app, clock, give_findings):
    put_image(ecr, app, an_image(), "v1")
    start(ecr)
    assert refusal(start, client=ecr) == OVER_QUOTA
    clock.advance(DAY - timedelta(milliseconds=1))
    assert status(ecr) == "FAILED"
    assert refusal(start, client=ecr) == OVER_QUOTA
    clock.advance(timedelta(milliseconds=1))
    give_findings(FINDINGS)
    start(ecr)
    assert status(ecr) == "IN_PROGRESS"
    clock.advance(DELAY)
    assert status(ecr) == "COMPLETE"


def test_a_registry_has_a_daily_limit_of_scans(ecr, app, clock, monkeypatch):
    monkeypatch.setattr(scanning, "MAX_SCANS", 1)
    put_image(ecr, app, an_image(1), "v1")
    put_image(ecr, app, an_image(2), "v2")
    start(ecr, imageTag="v1")
    assert refusal(start, client=ecr, imageTag="v2")[0] == "LimitExceededException"
    clock.advance(DAY)
    start(ecr, imageTag="v2")


def test_indexes_and_artifacts_are_not_scanned(ecr, app):
    image = an_image()
    put_image(ecr, app, image)
    put_manifest(ecr, app, an_index(image).raw, "index")
    put_image(ecr, app, an_image("chart", artifactType="application/vnd.chart"), "chart")
    for tag, media_type in [("index", "application/vnd.oci.image.index.v1+json"), ("chart", "application/vnd.chart")]:
        assert refusal(start, client=ecr, imageTag=tag) == (
            "UnsupportedImageTypeException",
            f"An artifact with media type '{media_type}' cannot be scanned.",
        )


def test_an_archived_image_is_not_scanned_and_shows_no_findings(ecr, app, give_findings, clock):
    digest = put_image(ecr, app, an_image(), "v1")
    give_findings(FINDINGS)
    start(ecr)
    clock.advance(DELAY)
    ecr.update_image_storage_class(repositoryName=app, imageId={"imageTag": "v1"}, targetStorageClass="ARCHIVE")
    expected = ("ImageArchivedException", "The specified image is archived and cannot be scanned.")
    assert refusal(start, client=ecr, imageDigest=digest) == expected
    answer = described(ecr, imageDigest=digest)
    assert answer["imageScanStatus"] == {"status": "IMAGE_ARCHIVED"}
    assert "imageScanFindings" not in answer


def test_an_absent_image_is_not_scanned(ecr):
    for call in (ecr.start_image_scan, ecr.describe_image_scan_findings):
        assert refusal(call, repositoryName=APP, imageId={"imageTag": "v1"}) == (
            "RepositoryNotFoundException",
            f"The repository with name '{APP}' does not exist in the registry with id '{ACCOUNT}'",
        )
    ecr.create_repository(repositoryName=APP)
    for call in (ecr.start_image_scan, ecr.describe_image_scan_findings):
        assert refusal(call, repositoryName=APP, imageId={"imageTag": "v1"}) == (
            "ImageNotFoundException",
            "The image with imageId {imageDigest:'null', imageTag:'v1'} does not exist within the repository "
            f"with name '{APP}' in the registry with id '{ACCOUNT}'",
        )
        assert refusal(call, repositoryName=APP, imageId={})[0] == "InvalidParameterException"


def test_an_image_that_was_never_scanned_has_no_findings(ecr, app):
    digest = put_image(ecr, app, an_image(), "v1")
    assert refusal(described, client=ecr) == not_found("null", "v1")
    assert refusal(described, client=ecr, imageDigest=digest, imageTag="v1") == not_found(digest, "v1")


# --- Scan on push --------------------------------------------------------------------------------------------


def test_a_push_is_scanned_if_the_repository_is_set_to_scan_on_push(ecr, clock):
    ecr.create_repository(repositoryName=APP, imageScanningConfiguration={"scanOnPush": True})
    put_image(ecr, APP, an_image(), "v1")
    assert status(ecr) == "IN_PROGRESS"
    assert refusal(start, client=ecr) == OVER_QUOTA
    clock.advance(DELAY)
    assert status(ecr) == "FAILED"


def test_a_push_is_scanned_if_a_rule_of_the_registry_says_so(ecr, app):
    scan_everything(ecr)
    ecr.put_image_scanning_configuration(repositoryName=app, imageScanningConfiguration={"scanOnPush": False})
    put_image(ecr, app, an_image(), "v1")
    assert status(ecr) == "IN_PROGRESS"


def test_a_push_of_an_unsupported_artifact_starts_no_scan(ecr, app, clock):
    scan_everything(ecr)
    put_image(ecr, app, an_image("chart", artifactType="application/vnd.chart"), "v1")
    index = put_manifest(ecr, app, an_index().raw)
    clock.advance(DELAY)
    assert refusal(described, client=ecr) == not_found("null", "v1")
    assert refusal(described, client=ecr, imageDigest=index) == not_found(index, "null")


def test_a_new_tag_does_not_start_a_second_scan_within_a_day(ecr, app, clock):
    scan_everything(ecr)
    put_image(ecr, app, an_image(), "v1")
    clock.advance(DELAY)
    put_manifest(ecr, app, an_image().raw, "v2")
    assert status(ecr) == "FAILED"
    clock.advance(DAY)
    put_manifest(ecr, app, an_image().raw, "v3")
    assert status(ecr) == "IN_PROGRESS"


@pytest.mark.parametrize("again", ["restore", "push"])
def test_a_restored_image_is_scanned_again_and_loses_its_old_findings(ecr, app, clock, give_findings, again):
    scan_everything(ecr)
    image_id = {"imageDigest": put_image(ecr, app, an_image(), "v1")}
    put_manifest(ecr, app, an_image().raw, "v2")
    give_findings(FINDINGS)
    clock.advance(DELAY)
    assert status(ecr) == "COMPLETE"
    ecr.update_image_storage_class(repositoryName=app, imageId=image_id, targetStorageClass="ARCHIVE")
    if again == "push":
        put_manifest(ecr, app, an_image().raw, "v1")
    else:
        ecr.update_image_storage_class(repositoryName=app, imageId=image_id, targetStorageClass="STANDARD")
        clock.advance(DELAY)
    assert status(ecr) == "IN_PROGRESS"
    clock.advance(DELAY)
    assert status(ecr) == "COMPLETE"


def test_an_image_of_another_account_is_scanned_in_that_account(ecr, ecr_of):
    other = ecr_of("111122223333")
    other.create_repository(repositoryName=APP)
    put_image(other, APP, an_image(), "v1")
    ecr.start_image_scan(registryId="111122223333", repositoryName=APP, imageId={"imageTag": "v1"})
    assert status(other) == "IN_PROGRESS"


def test_a_replica_is_scanned_where_it_arrives(ecr, ecr_of, app, clock):
    there = ecr_of("111122223333", "eu-west-1")
    scan_everything(there)
    destinations = [{"region": "eu-west-1", "registryId": "111122223333"}]
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": destinations}]})
    put_image(ecr, app, an_image(), "v1")
    clock.advance(DELAY)
    assert status(there) == "IN_PROGRESS"
    clock.advance(DELAY)
    assert status(there) == "FAILED"
    assert refusal(described, client=ecr) == not_found("null", "v1")
