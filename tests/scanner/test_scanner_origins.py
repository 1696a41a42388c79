"""Scans of images that come by pull through cache, by replication, from the archive, from seeds and in saved states."""

from datetime import timedelta

import pytest

from ecr_emulator import EcrEmulator
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import index
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.admin_api import AdminClient
from tests.support.boto import client_of
from tests.support.clock import FrozenClock
from tests.support.enhanced_scans import APP, FLASK, SYSTEM, described, events, image_with, names, push
from tests.support.layouts import Layout
from tests.support.pull_through import running_cache

FILES = SYSTEM | FLASK
CACHED = f"quay/{APP}"


@pytest.fixture(params=["BASIC", "SCAN_ON_PUSH", "CONTINUOUS_SCAN"])
def scanning(request):
    """A way to scan: a basic scan on push, or an enhanced scan with a frequency."""
    return request.param


def configure(ecr, scanning, pattern="*"):
    rules = [
        {
            "scanFrequency": "SCAN_ON_PUSH" if scanning == "BASIC" else scanning,
            "repositoryFilters": [{"filter": pattern, "filterType": "WILDCARD"}],
        }
    ]
    ecr.put_registry_scanning_configuration(scanType="BASIC" if scanning == "BASIC" else "ENHANCED", rules=rules)


def assert_scanned(ecr, scanning, repository=APP, tag="v1"):
    """Check that the scan has found what is in the image."""
    answer = described(ecr, tag, repository)
    if scanning == "BASIC":
        assert answer["imageScanStatus"]["status"] == "COMPLETE"
        found = [each["name"] for each in answer["imageScanFindings"]["findings"]]
        assert found == ["CVE-2024-0001", "CVE-2024-0001"]  # in two packages
    else:
        assert answer["imageScanStatus"]["status"] == "ACTIVE"
        assert names(ecr, tag, repository) == ["CVE-2024-0001", "GHSA-1"]


def scans(emulator):
    """Return the digests of the images whose scan was announced, by basic or by enhanced scanning."""
    return [each["detail"]["image-digest"] for each in events(emulator, "ECR Image Scan", "Inspector2 Scan")]


@pytest.fixture
def cache(folder, clock):
    with (
        ScriptedUpstream() as upstream,
        running_cache(upstream, clock=clock, vulnerabilities=folder) as running,
    ):
        running.upstream = upstream
        running.rule()
        yield running


def test_an_image_of_the_cache_is_scanned_once_when_its_import_is_complete(cache, scanning):
    app = image_with(FILES)
    cache.upstream.add_image(APP, app, "v1")
    configure(cache.ecr, scanning)
    for _ in range(2):
        cache.pull(CACHED, "v1")
        cache.settle()
        assert_scanned(cache.ecr, scanning, CACHED)
    assert scans(cache.emulator) == [app.digest]


@pytest.mark.parametrize("pattern", ["quay/*", "app"])
def test_filters_apply_to_the_repository_that_the_cache_has_created(cache, scanning, pattern):
    for name in (APP, "team/other"):
        cache.upstream.add_image(name, image_with(FILES), "v1")
    configure(cache.ecr, scanning, pattern)
    cache.pull(CACHED, "v1")
    cache.pull("quay/team/other", "v1")
    cache.settle()
    assert_scanned(cache.ecr, scanning, CACHED)
    if pattern == "app":
        with pytest.raises(cache.ecr.exceptions.ScanNotFoundException):
            described(cache.ecr, repository="quay/team/other")


def test_each_platform_of_an_image_of_the_cache_is_scanned_and_the_index_is_not(cache, scanning):
    platforms = [image_with(FILES, tag) for tag in ("amd64", "arm64")]
    both = index(*platforms)
    cache.upstream.add_image(APP, both, "v1")
    configure(cache.ecr, scanning)
    cache.pull(CACHED, "v1")
    cache.settle()
    for each in platforms:
        cache.ecr.describe_image_scan_findings(repositoryName=CACHED, imageId={"imageDigest": each.digest})
    assert sorted(scans(cache.emulator)) == sorted(each.digest for each in platforms)
    with pytest.raises(cache.ecr.exceptions.ScanNotFoundException):
        described(cache.ecr, repository=CACHED)


def test_the_new_image_of_a_cached_tag_is_scanned(cache, scanning, clock):
    first, second = image_with(SYSTEM), image_with(FILES)
    cache.upstream.add_image(APP, first, "v1")
    configure(cache.ecr, scanning)
    cache.pull(CACHED, "v1")
    cache.settle()
    described(cache.ecr, repository=CACHED)
    cache.upstream.add_image(APP, second, "v1")
    cache.advance(hours=25)
    cache.pull(CACHED, "v1")
    cache.settle()
    assert_scanned(cache.ecr, scanning, CACHED)
    assert scans(cache.emulator) == [first.digest, second.digest]


@pytest.fixture
def running(folder, clock):
    with Emulator(Settings(vulnerabilities=folder), clock) as emulator:
        yield emulator


def test_a_replica_is_scanned_by_the_rules_of_its_registry(running, scanning):
    source, destination = (client_of(running, region=region) for region in ("us-east-1", "eu-west-1"))
    source.create_repository(repositoryName=APP)
    configure(destination, scanning)
    rule = {"destinations": [{"region": "eu-west-1", "registryId": "000000000000"}]}
    source.put_replication_configuration(replicationConfiguration={"rules": [rule]})
    digest = push(source, FILES)
    assert_scanned(destination, scanning)
    assert scans(running) == [digest]
    with pytest.raises(source.exceptions.ScanNotFoundException):
        described(source)


def test_a_restored_image_is_scanned_again(running, scanning, clock):
    ecr = client_of(running)
    ecr.create_repository(repositoryName=APP)
    configure(ecr, scanning)
    digest = push(ecr, FILES)
    assert_scanned(ecr, scanning)
    for storage_class in ("ARCHIVE", "STANDARD"):
        ecr.update_image_storage_class(
            repositoryName=APP, imageId={"imageDigest": digest}, targetStorageClass=storage_class
        )
        clock.advance(timedelta(minutes=1))
    assert_scanned(ecr, scanning)
    assert scans(running) == [digest, digest]


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_an_image_from_a_seed_is_scanned(folder, tmp_path, scanning, form):
    layout = Layout(tmp_path / "layout")
    app = image_with(FILES)
    for blob in app.blobs:
        layout.add(blob.media_type, blob.raw)
    layout.finish(layout.add(app.media_type, app.raw), "v1")
    path = tmp_path / "layout"
    if form == "archive":
        layout.archive(path := tmp_path / "layout.tar")
    seed = tmp_path / "seed.toml"
    images = f'images = [{{ oci_layout = "{path}", tags = ["v1"] }}]'
    scan_type, frequency = ("BASIC", "SCAN_ON_PUSH") if scanning == "BASIC" else ("ENHANCED", scanning)
    seed.write_text(
        f'[scanning]\ntype = "{scan_type}"\nrules = [{{ frequency = "{frequency}", filters = ["*"] }}]\n'
        f'[[repositories]]\nname = "{APP}"\n{images}\n'
    )
    with EcrEmulator(vulnerabilities=folder) as emulator:
        emulator.seed(seed)
        assert_scanned(emulator.client("ecr"), scanning)


def test_a_saved_state_keeps_its_scans_and_continues_them(running, folder, scanning):
    ecr = client_of(running)
    ecr.create_repository(repositoryName=APP)
    configure(ecr, scanning)
    push(ecr, FILES)  # its scan is not made before the state is saved
    state = AdminClient(running.wsgi).get("/_ecr/state").data
    with Emulator(Settings(vulnerabilities=folder), FrozenClock()) as other:
        assert AdminClient(other.wsgi).put("/_ecr/state", data=state).status_code < 300
        for _ in range(2):
            assert_scanned(client_of(other), scanning)
        assert len(scans(other)) == 1
