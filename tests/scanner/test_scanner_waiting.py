"""Scans that wait until a large folder of advisories has been read, and requests that do not wait for it."""

import gzip
import json
import os
from datetime import timedelta
from threading import Event, Thread

import pytest

from ecr_emulator.domain.image import ImageId
from ecr_emulator.scanner.advisories import indexed
from ecr_emulator.scanner.advisories.indexed import IndexedAdvisories
from ecr_emulator.scanner.advisories.last_look import SMALL
from ecr_emulator.services.lifecycle import PREVIEW as PREVIEW_TASK
from ecr_emulator.services.resolution import resolve
from ecr_emulator.services.wanted_scans import BASIC_SCAN
from ecr_emulator.testing.upstream.images import OCI_LAYER, Content, image
from tests.support.advisories import advisory, affected, fixed, write
from tests.support.boto import client_of
from tests.support.image_layers import tar
from tests.support.images import put_image
from tests.support.programs import until

APP = "team/app"
FILES = {
    "etc/os-release": "ID=debian\nVERSION_ID=12\n",
    "var/lib/dpkg/status": "Package: openssl\nStatus: install ok installed\nVersion: 3.0.11-1\n",
}
LONG = advisory("CVE-2024-0001", affected("Debian:12", "openssl", *fixed("3.0.11-2")), details="x" * SMALL)
LATER = advisory("CVE-2024-0002", affected("Debian:12", "openssl", *fixed("3.0.11-3")))
PREVIEW = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
                "action": {"type": "expire"},
            }
        ]
    }
)


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "osv", LONG)


@pytest.fixture
def may_go_on(monkeypatch):
    """Let the reading of advisories wait for the event that is returned."""
    event, write_index = Event(), indexed.write_index

    def wait(*given):
        assert event.wait(30)
        return write_index(*given)

    monkeypatch.setattr(indexed, "write_index", wait)
    yield event
    event.set()


@pytest.fixture
def ecr(emulator, may_go_on):
    client = client_of(emulator)
    client.create_repository(repositoryName=APP, imageScanningConfiguration={"scanOnPush": True})
    return client


def push(ecr, tag="v1"):
    return put_image(ecr, APP, image(tag, Content(gzip.compress(tar(FILES), mtime=0), OCI_LAYER)), tag)


def described(ecr):
    return ecr.describe_image_scan_findings(repositoryName=APP, imageId={"imageTag": "v1"})


def status(ecr):
    return described(ecr)["imageScanStatus"]["status"]


def stored_status(emulator):
    """Return the status of the scan without a request that performs it."""
    with emulator.services.store.reading() as work:
        repository = work.repositories.get(emulator.services.home, APP)
        return work.scans.find(resolve(work, repository, ImageId(tag="v1"))).status


def due(emulator, now, left_out=frozenset()):
    """Return the kind of the task that has been due for longest; None if no task is due."""
    with emulator.services.store.reading() as work:
        task = work.tasks.due(now, left_out)
    return task and task.kind


def test_a_scan_waits_and_completes_as_soon_as_the_advisories_are_read(ecr, emulator, may_go_on):
    push(ecr)
    assert status(ecr) == "IN_PROGRESS"
    ecr.describe_images(repositoryName=APP)
    may_go_on.set()
    until(lambda: stored_status(emulator) == "COMPLETE")
    assert described(ecr)["imageScanFindings"]["findingSeverityCounts"] == {"UNDEFINED": 1}


def test_other_work_does_not_wait(ecr, emulator):
    push(ecr)
    assert status(ecr) == "IN_PROGRESS"
    push(ecr, "v2")
    ecr.start_lifecycle_policy_preview(repositoryName=APP, lifecyclePolicyText=PREVIEW)
    preview = ecr.get_lifecycle_policy_preview(repositoryName=APP)
    assert (preview["status"], len(preview["previewResults"])) == ("COMPLETE", 1)
    background = emulator.services.background
    assert not background.is_due(emulator.clock.now())
    assert background.scanner.waits


def test_work_that_is_due_after_a_waiting_scan_is_done(ecr, emulator, clock):
    with emulator.services.due_work.stopped():
        push(ecr)
        now = clock.advance(timedelta(seconds=1))
        ecr.start_lifecycle_policy_preview(repositoryName=APP, lifecyclePolicyText=PREVIEW)
        assert due(emulator, now, {BASIC_SCAN}) == PREVIEW_TASK
        emulator.services.due_work.complete_everything(now)
        assert (due(emulator, now, {BASIC_SCAN}), due(emulator, now)) == (None, BASIC_SCAN)


def test_advisories_are_read_before_the_first_scan_if_the_server_wants_it(ecr, emulator, may_go_on):
    background = emulator.services.background
    background.begin_scans()
    assert background.scanner.waits
    push(ecr)
    assert stored_status(emulator) == "IN_PROGRESS"
    may_go_on.set()
    until(lambda: stored_status(emulator) == "COMPLETE")


def test_closing_ends_the_reading_of_advisories(folder, tmp_path, may_go_on):
    advisories = IndexedAdvisories(folder, tmp_path / "index")
    assert not advisories.is_ready()
    closing = Thread(target=advisories.close)
    closing.start()
    until(advisories._closed.is_set)
    may_go_on.set()
    closing.join(30)
    assert os.listdir(tmp_path) == ["osv"]
    assert not advisories.is_ready()
    assert not advisories.is_being_read


def test_a_scan_fails_for_the_reason_that_the_advisories_cannot_be_read(ecr, emulator, folder, may_go_on):
    (folder / "CVE-2024-0001.json").write_text(" " * (SMALL + 1))
    may_go_on.set()
    push(ecr)
    ecr.describe_images(repositoryName=APP)
    until(lambda: stored_status(emulator) == "FAILED")
    assert described(ecr)["imageScanStatus"]["description"] == f"{folder} has no advisories in the format of OSV."


def test_a_failure_lasts_until_the_folder_changes(ecr, emulator, folder, clock, may_go_on):
    (folder / "CVE-2024-0001.json").write_text(" " * (SMALL + 1))
    may_go_on.set()
    push(ecr)
    ecr.describe_images(repositoryName=APP)
    until(lambda: stored_status(emulator) == "FAILED")
    write(folder, LATER)
    clock.advance(timedelta(hours=25))
    ecr.start_image_scan(repositoryName=APP, imageId={"imageTag": "v1"})
    ecr.describe_images(repositoryName=APP)
    until(lambda: stored_status(emulator) == "COMPLETE")


def configure_continuous_scans(ecr):
    rule = {"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}
    ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[rule])


def test_an_enhanced_scan_is_pending_and_then_active(ecr, may_go_on):
    configure_continuous_scans(ecr)
    push(ecr)
    assert status(ecr) == "PENDING"
    may_go_on.set()
    until(lambda: status(ecr) == "ACTIVE")


def test_findings_stay_until_changed_advisories_are_read(ecr, emulator, clock, folder, may_go_on):
    configure_continuous_scans(ecr)
    push(ecr)
    may_go_on.set()
    until(lambda: status(ecr) == "ACTIVE")
    may_go_on.clear()
    write(folder, LATER)
    for _ in range(2):
        assert len(described(ecr)["imageScanFindings"]["enhancedFindings"]) == 1
        assert due(emulator, clock.now()) is None
    may_go_on.set()
    until(lambda: len(described(ecr)["imageScanFindings"]["enhancedFindings"]) == 2)
