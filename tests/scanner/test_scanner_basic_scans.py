"""Basic scans of real layers, through boto3: statuses, findings, counts, pages and events."""

import gzip
import json
import os
import re
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest

from ecr_emulator.domain.findings import ToldFindings
from ecr_emulator.domain.manifest import OCI_MANIFEST
from ecr_emulator.emulator import Emulator
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.vulnerabilities import UnreadableVulnerabilities
from ecr_emulator.services.image_scanner import ImageScanner
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import OCI_LAYER, Content, image
from tests.support.advisories import CRITICAL_VECTOR, advisory, affected, fixed, write
from tests.support.boto import client_of
from tests.support.clock import FrozenClock
from tests.support.enhanced_scans import configure
from tests.support.image_layers import tar
from tests.support.images import put_image, put_manifest

APP = "team/app"
UNSUPPORTED = "UnsupportedImageError: The operating system and/or package manager are not supported."
DEBIAN = {"etc/os-release": "ID=debian\nVERSION_ID=12\n"}
STATUS = "var/lib/dpkg/status"
OPENSSL = {STATUS: "Package: libssl3\nSource: openssl\nStatus: install ok installed\nVersion: 3.0.11-1\n"}
FLASK = {"usr/lib/python3/flask.dist-info/METADATA": "Name: flask\nVersion: 1.0\n"}
SEVERITY = [{"type": "CVSS_V3", "score": CRITICAL_VECTOR}, {"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:P/I:P/A:P"}]
ADVISORIES = [
    advisory("CVE-2024-0001", affected("Debian:12", "openssl", *fixed("3.0.11-2")), severity=SEVERITY, details="Bad."),
    advisory("CVE-2024-0002", affected("Debian:12", "openssl", *fixed("3.0.11-3"))),
    advisory("CVE-2024-0003", affected("Debian:12", "openssl", *fixed("3.0.11-1"))),
    advisory("CVE-2024-0004", affected("PyPI", "flask", *fixed("2.0"))),
]


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "osv", *ADVISORIES)


@pytest.fixture
def ecr(emulator):
    client = client_of(emulator)
    client.create_repository(repositoryName=APP, imageScanningConfiguration={"scanOnPush": True})
    return client


def push(ecr, *layers, tag="v1"):
    blobs = [each if isinstance(each, bytes) else gzip.compress(tar(each), mtime=0) for each in layers]
    return put_image(ecr, APP, image(tag, *(Content(blob, OCI_LAYER) for blob in blobs)), tag)


def described(ecr, tag="v1", **members):
    return ecr.describe_image_scan_findings(repositoryName=APP, imageId={"imageTag": tag}, **members)


def status(ecr, tag="v1"):
    scan = described(ecr, tag)["imageScanStatus"]
    return scan["status"], scan.get("description")


def test_a_push_is_scanned(ecr, clock):
    digest = push(ecr, DEBIAN, OPENSSL | FLASK)
    answer = described(ecr)
    assert answer["imageId"] == {"imageDigest": digest, "imageTag": "v1"}
    assert answer["imageScanStatus"] == {
        "status": "COMPLETE",
        "description": "The scan was completed successfully.",
    }
    assert answer["imageScanFindings"] == {
        "imageScanCompletedAt": clock.now(),
        "vulnerabilitySourceUpdatedAt": datetime(2024, 5, 1, 12, tzinfo=UTC),
        "findingSeverityCounts": {"CRITICAL": 1, "UNDEFINED": 1},
        "findings": [
            {
                "name": "CVE-2024-0001",
                "description": "Bad.",
                "uri": "https://nvd.nist.gov/vuln/detail/CVE-2024-0001",
                "severity": "CRITICAL",
                "attributes": [
                    {"key": "package_version", "value": "3.0.11-1"},
                    {"key": "package_name", "value": "libssl3"},
                    {"key": "CVSS3_VECTOR", "value": CRITICAL_VECTOR},
                    {"key": "CVSS3_SCORE", "value": "9.8"},
                    {"key": "CVSS2_VECTOR", "value": "AV:N/AC:L/Au:N/C:P/I:P/A:P"},
                    {"key": "CVSS2_SCORE", "value": "7.5"},
                ],
            },
            {
                "name": "CVE-2024-0002",
                "uri": "https://nvd.nist.gov/vuln/detail/CVE-2024-0002",
                "severity": "UNDEFINED",
                "attributes": [
                    {"key": "package_version", "value": "3.0.11-1"},
                    {"key": "package_name", "value": "libssl3"},
                ],
            },
        ],
    }


def test_findings_come_in_pages(ecr):
    push(ecr, DEBIAN | OPENSSL)
    first = described(ecr, maxResults=1)
    second = described(ecr, maxResults=1, nextToken=first["nextToken"])
    names = [page["imageScanFindings"]["findings"][0]["name"] for page in (first, second)]
    assert names == ["CVE-2024-0001", "CVE-2024-0002"]
    assert "nextToken" not in second


def test_an_image_without_known_vulnerabilities_has_no_findings(ecr):
    push(ecr, DEBIAN | {STATUS: "Package: bash\nVersion: 5\n"})
    found = described(ecr)
    assert (found["imageScanStatus"]["status"], found["imageScanFindings"]["findings"]) == ("COMPLETE", [])


def test_a_scan_adds_an_event(ecr, emulator):
    digest = push(ecr, DEBIAN | OPENSSL)
    described(ecr)
    with emulator.services.store.reading() as work:
        events = [each.envelope() for each in work.events.after(0, 100)]
    (detail,) = (each["detail"] for each in events if each["detail-type"] == "ECR Image Scan")
    assert detail == {
        "scan-status": "COMPLETE",
        "repository-name": APP,
        "finding-severity-counts": {"CRITICAL": 1, "UNDEFINED": 1},
        "image-digest": digest,
        "image-tags": ["v1"],
    }


@pytest.mark.parametrize(
    "files",
    [
        {"app": "static"},
        OPENSSL,
        DEBIAN,
        DEBIAN | FLASK,
        {"etc/os-release": "ID=debian\nVERSION_ID=11\n"} | OPENSSL,
        {"etc/os-release": "ID=elxr\nVERSION_ID=12\n"} | OPENSSL,
    ],
    ids=["no system", "no release", "no packages", "no packages of the system", "no advisories", "unknown system"],
)
def test_a_system_that_no_advisory_covers_is_unsupported(ecr, files):
    push(ecr, files)
    assert status(ecr) == ("FAILED", UNSUPPORTED)


def test_a_layer_that_cannot_be_read_is_the_reason_of_the_failure(ecr):
    push(ecr, {"../x": ""})
    found, reason = status(ecr)
    assert found == "FAILED"
    assert reason.startswith("Layer sha256:")
    assert reason.endswith("is refused: the path '../x' leaves the image.")


def test_told_findings_win_and_the_image_is_not_read(ecr, emulator, monkeypatch):
    read = []
    monkeypatch.setattr(ImageScanner, "_scan", lambda *given: read.append(given))
    told = [{"name": "CVE-2026-1", "severity": "LOW"}]
    with emulator.services.store.writing() as work:
        work.known_findings.put("*", ToldFindings(told))
    push(ecr, DEBIAN | OPENSSL)
    assert status(ecr)[0] == "COMPLETE"
    assert described(ecr)["imageScanFindings"]["findings"] == told
    assert read == []


def test_an_unexpected_failure_ends_the_scan(ecr, monkeypatch):
    def fail(*_):
        raise RuntimeError("a defect")

    monkeypatch.setattr(ImageScanner, "_scan", fail)
    push(ecr, DEBIAN | OPENSSL)
    assert status(ecr) == ("FAILED", "The scan has failed: RuntimeError('a defect')")


def test_a_scan_waits_while_the_storage_is_out_of_reach(ecr, monkeypatch):
    def fail(*_):
        raise StorageFailure("S3 is out of reach")

    with monkeypatch.context() as away:
        away.setattr(ImageScanner, "_scan", fail)
        push(ecr, DEBIAN | OPENSSL)
        assert status(ecr) == ("IN_PROGRESS", None)
    assert status(ecr) == ("COMPLETE", "The scan was completed successfully.")


SBOM = {
    "bomFormat": "CycloneDX",
    "components": [
        {"type": "operating-system", "name": "debian", "version": "12"},
        {"type": "library", "purl": "pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&upstream=openssl"},
    ],
}


def scan_with_sbom(ecr, document, *layers):
    """Push an image, attach a document as an SBOM, and start a scan."""
    ecr.put_image_scanning_configuration(repositoryName=APP, imageScanningConfiguration={"scanOnPush": False})
    attach(ecr, push(ecr, *layers), document)
    ecr.start_image_scan(repositoryName=APP, imageId={"imageTag": "v1"})


def attach(ecr, digest, document, artifact_type="application/vnd.cyclonedx+json"):
    blob = Content(document if isinstance(document, bytes) else json.dumps(document).encode(), artifact_type)
    subject = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1}
    put_image(ecr, APP, image("sbom", blob), "sbom")
    manifest = json.loads(image("sbom", blob).raw) | {"subject": subject, "artifactType": artifact_type}
    put_manifest(ecr, APP, json.dumps(manifest).encode())


def test_an_attached_sbom_is_used_if_the_layers_cannot_be_read(ecr):
    scan_with_sbom(ecr, SBOM, DEBIAN, {"var/lib/rpm/Packages": "short"})
    found = described(ecr)
    assert found["imageScanStatus"]["status"] == "COMPLETE"
    assert re.fullmatch(
        r"The scan was completed successfully\. The packages are those of the SBOM sha256:\w+, because the image "
        r"cannot be read: /var/lib/rpm/Packages cannot be read: it is incomplete\.",
        found["imageScanStatus"]["description"],
    )
    assert found["imageScanFindings"]["findingSeverityCounts"] == {"CRITICAL": 1, "UNDEFINED": 1}


def test_an_enhanced_scan_says_that_it_used_an_sbom(ecr):
    attach(ecr, push(ecr, DEBIAN, {"var/lib/rpm/Packages": "short"}), SBOM)
    configure(ecr, "CONTINUOUS_SCAN")
    assert status(ecr)[0] == "ACTIVE"
    assert re.fullmatch(
        r"Continuous scan is selected for image\. The packages are those of the SBOM sha256:\w+, because the image "
        r"cannot be read: /var/lib/rpm/Packages cannot be read: it is incomplete\.",
        status(ecr)[1],
    )


def test_an_sbom_is_not_used_if_the_layers_can_be_read(ecr):
    scan_with_sbom(ecr, SBOM, DEBIAN | {STATUS: "Package: bash\nVersion: 5\n"})
    assert described(ecr)["imageScanFindings"]["findings"] == []


@pytest.mark.parametrize("document", [b"no JSON", {"bomFormat": "other"}])
def test_an_sbom_that_is_none_is_left_out(ecr, document):
    scan_with_sbom(ecr, document, {"../x": ""})
    assert status(ecr)[0] == "FAILED"


def test_an_image_is_scanned_again_with_newer_advisories(ecr, folder, clock):
    push(ecr, DEBIAN | OPENSSL)
    assert len(described(ecr)["imageScanFindings"]["findings"]) == 2
    write(folder, advisory("CVE-2024-0009", affected("Debian:12", "openssl", *fixed("9"))))
    clock.advance(timedelta(hours=25))
    ecr.start_image_scan(repositoryName=APP, imageId={"imageTag": "v1"})
    assert len(described(ecr)["imageScanFindings"]["findings"]) == 3


def test_advisories_that_are_gone_are_the_reason_of_the_failure(ecr, folder):
    push(ecr, DEBIAN | OPENSSL)
    for path in folder.iterdir():
        path.unlink()
    assert status(ecr) == ("FAILED", f"{folder} has no advisories in the format of OSV.")


def test_the_index_is_beside_the_state(tmp_path, folder):
    state = tmp_path / "state"
    for _ in range(2):
        with Emulator(Settings(vulnerabilities=folder, data_dir=state), FrozenClock()) as emulator:
            ecr = client_of(emulator)
            if not (state / "vulnerabilities.sqlite").exists():
                ecr.create_repository(repositoryName=APP, imageScanningConfiguration={"scanOnPush": True})
                push(ecr, DEBIAN | OPENSSL)
            assert status(ecr)[0] == "COMPLETE"
            index = os.stat(state / "vulnerabilities.sqlite").st_ino
    assert os.stat(state / "vulnerabilities.sqlite").st_ino == index


@pytest.fixture
def slow_scan(monkeypatch):
    """Let each scan wait, within the reading of the image, until it may go on. Return the two events."""
    begun, may_go_on = Event(), Event()
    scan = ImageScanner._scan

    def wait(self, *given):
        begun.set()
        assert may_go_on.wait(30)
        return scan(self, *given)

    monkeypatch.setattr(ImageScanner, "_scan", wait)
    yield begun, may_go_on
    may_go_on.set()


def test_other_requests_do_not_wait_for_a_scan(ecr, emulator, slow_scan):
    begun, may_go_on = slow_scan
    push(ecr, DEBIAN | OPENSSL)
    answers = []
    asking = Thread(target=lambda: answers.append(status(client_of(emulator))))
    asking.start()
    assert begun.wait(30)
    push(ecr, {"app": "2"}, tag="v2")
    ecr.put_image_tag_mutability(repositoryName=APP, imageTagMutability="IMMUTABLE")
    assert len(ecr.describe_images(repositoryName=APP)["imageDetails"]) == 2
    ecr.batch_get_image(repositoryName=APP, imageIds=[{"imageTag": "v1"}])
    assert answers == []
    may_go_on.set()
    asking.join(30)
    assert answers == [("COMPLETE", "The scan was completed successfully.")]


def test_an_image_that_is_deleted_during_its_scan_has_none(ecr, emulator, slow_scan):
    begun, may_go_on = slow_scan
    push(ecr, DEBIAN | OPENSSL)
    emulator.services.due_work.continue_beside(emulator.clock.now())
    assert begun.wait(30)
    ecr.batch_delete_image(repositoryName=APP, imageIds=[{"imageTag": "v1"}])
    may_go_on.set()
    push(ecr, DEBIAN | OPENSSL, tag="v2")
    assert status(ecr, "v2")[0] == "COMPLETE"


def test_closing_ends_a_scan(folder, slow_scan):
    begun, may_go_on = slow_scan
    with Emulator(Settings(vulnerabilities=folder)) as emulator:
        ecr = client_of(emulator)
        ecr.create_repository(repositoryName=APP, imageScanningConfiguration={"scanOnPush": True})
        push(ecr, DEBIAN | OPENSSL)
        emulator.services.due_work.continue_beside(emulator.clock.now())
        assert begun.wait(30)
        emulator.services.background.close()
        may_go_on.set()


def test_missing_packages_are_named(monkeypatch, folder):
    monkeypatch.setattr("ecr_emulator.scanner_parts.find_spec", lambda _: None)
    with pytest.raises(UnreadableVulnerabilities, match=r"pip install 'ecr-emulator\[scan\]'"):
        Emulator(Settings(vulnerabilities=folder))
