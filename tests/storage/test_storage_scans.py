"""Scans and known findings, as the ports define them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ecr_emulator.domain.findings import ToldFindings
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.scanning import Scan
from tests.support.images import an_image
from tests.support.storage import HOME, NOW, a_repository, row_counts, store_manifest

FINDINGS = [{"name": "CVE-2026-1", "severity": "HIGH", "attributes": [{"key": "package_name", "value": "bäsh"}]}]
SECOND = timedelta(seconds=1)


@pytest.fixture
def image(store, repository):
    with store.writing() as work:
        return store_manifest(work, repository, an_image().raw, "v1")


def test_a_scan_comes_back_as_it_was_stored(store, image):
    scan = Scan(NOW)
    with store.writing() as work:
        assert work.scans.find(image) is None
        for each in (scan, scan.fail(NOW + SECOND), scan.complete(FINDINGS, NOW + SECOND), scan):
            work.scans.save(image, each)
            assert work.scans.find(image) == each


def test_a_scan_can_be_removed(store, image):
    with store.writing() as work:
        work.scans.save(image, Scan(NOW))
        for _ in range(2):
            work.scans.remove(image)
            assert work.scans.find(image) is None


def test_a_removed_image_takes_its_scan_along(store, database, repository, image):
    with store.writing() as work:
        work.scans.save(image, Scan(NOW))
        work.images.remove(repository, image)
    assert row_counts(store)["image_scans"] == 0


def test_the_scans_of_a_registry_are_counted(store, repository):
    elsewhere = Registry(HOME.id, "us-west-2")
    with store.writing() as work:
        for seed in range(3):
            image = store_manifest(work, repository, an_image(seed).raw)
            work.scans.save(image, Scan(NOW + seed * SECOND))
        other = work.repositories.add(a_repository(registry=elsewhere))
        work.scans.save(store_manifest(work, other, an_image().raw), Scan(NOW))
        since = (NOW - SECOND, NOW, NOW + 2 * SECOND)
        assert [work.scans.count_since(HOME, each) for each in since] == [3, 2, 0]
        assert [work.scans.count_since(elsewhere, each) for each in since] == [1, 0, 0]


def test_known_findings_can_be_replaced_and_removed(store):
    with store.writing() as work:
        assert work.known_findings.find("sha256:1") is None
        for told in (ToldFindings(FINDINGS), ToldFindings([], [{"severity": "LOW"}]), ToldFindings([])):
            work.known_findings.put("sha256:1", told)
            assert work.known_findings.find("sha256:1") == told
        assert work.known_findings.find("*") is None
        for _ in range(2):
            work.known_findings.remove("sha256:1")
            assert work.known_findings.find("sha256:1") is None
