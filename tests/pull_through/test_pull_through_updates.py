"""Updates of cached tags: a tag points at its new image when that is imported completely, and not before."""

import json
from threading import Event
from time import monotonic

import pytest

from ecr_emulator.services.pull_through.import_jobs import ImportJob
from ecr_emulator.services.pull_through.updates import Update
from ecr_emulator.testing.upstream.faults import (
    answers,
    corrupted,
    hang_up,
    reset_after,
    stalls,
    truncated_to,
    with_headers,
)
from ecr_emulator.testing.upstream.images import FOREIGN_LAYER, Content, image, index, layer, multi_arch
from tests.support.boto import client_of
from tests.support.clock import FrozenClock
from tests.support.damage import damage_blob, removed
from tests.support.images import put_image
from tests.support.pull_through import ACCOUNT, running_cache

NAME = "quay/team/app"
OLD, NEW = multi_arch("old"), multi_arch("new")
BROKEN = NEW.images[0]
FAULTS = {
    "500": answers(500),
    "503": answers(503),
    "404": answers(404),
    "410": answers(410),
    "403": answers(403),
    "401": answers(401),
    "429": answers(429, Retry_After="3600"),
    "reset": reset_after(10),
    "gone": hang_up(),
    "corrupt": corrupted(),
    "short": truncated_to(10),
}
PARTS = {
    "image": f"/manifests/{BROKEN.digest}",
    "config": f"/blobs/{BROKEN.config.digest}",
    "layer": f"/blobs/{BROKEN.layers[0].digest}",
}
USUAL = {"404", "503", "429", "reset", "corrupt"}
"""Faults of the default suite in the image and its config; in the layer it has all."""
PAIRS = [
    pytest.param(where, fault, id=f"{part}-{name}", marks=() if part == "layer" or name in USUAL else pytest.mark.slow)
    for part, where in PARTS.items()
    for name, fault in FAULTS.items()
]


def policy(**selection):
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    return json.dumps({"rules": [rule]})


UNTAGGED_FOR_A_DAY = policy(tagStatus="untagged", countType="sinceImagePushed", countUnit="days", countNumber=1)


def cached(cache, upstream, old=OLD):
    upstream.add_image("team/app", old, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()


def moves(cache, upstream, new=NEW):
    upstream.add_image("team/app", new, "v1")
    cache.advance(hours=25)
    upstream.requests.clear()


@pytest.fixture
def moved(cache, upstream):
    """A tag that was pulled a day ago, and has moved upstream since."""
    cached(cache, upstream)
    moves(cache, upstream)
    return cache


def tagged(cache, name=NAME):
    (digest,) = [digest for digest, tags in cache.images(name).items() if "v1" in tags]
    return digest


# --- Failures --------------------------------------------------------------------------------------------


@pytest.mark.consideration("S13a")
@pytest.mark.parametrize(("part", "fault"), PAIRS)
def test_an_update_of_which_a_part_does_not_come_leaves_the_tag_where_it_is(moved, upstream, part, fault):
    moved.ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=UNTAGGED_FOR_A_DAY)
    upstream.fail(part, fault, count=9_999)
    for _ in range(3):
        assert moved.pull(NAME, "v1") == OLD.raw
        assert tagged(moved) == OLD.digest
        assert moved.events()[-1]["sync-status"] == "FAILED"
        moved.advance(days=2)
    upstream.heal()
    moved.advance(hours=2)
    assert moved.pull(NAME, "v1") == NEW.raw
    event = moved.events()[-1]
    assert (event["sync-status"], event["image-digest"]) == ("SUCCESS", NEW.digest)
    upstream.stop()
    assert moved.pull(NAME, "v1") == NEW.raw


@pytest.mark.parametrize("what", ["config", "layer"])
def test_an_image_without_an_index_is_no_exception(cache, upstream, what):
    old, new = image("old"), image("new")
    cached(cache, upstream, old)
    moves(cache, upstream, new)
    upstream.remove("team/app", (new.config if what == "config" else new.layers[0]).digest)
    assert cache.pull(NAME, "v1") == old.raw
    assert cache.images(NAME)[old.digest] == ["v1"]
    event = cache.events()[-1]
    assert (event["failure-code"], event["image-tag"]) == ("ImageNotFound", "v1")


@pytest.mark.parametrize("clock_class", [FrozenClock], ids=["frozen"])
def test_an_update_that_failed_is_tried_again_after_growing_pauses(moved, upstream):
    upstream.fail(PARTS["layer"], answers(403), count=9_999)
    for minutes in (1, 2, 4, 8):
        moved.pull(NAME, "v1")
        moved.settle()
        asked = len(upstream.requests)
        moved.advance(minutes=minutes, seconds=-1)
        moved.pull(NAME, "v1")
        moved.settle()
        assert len(upstream.requests) == asked
        moved.advance(seconds=1)
    upstream.requests.clear()
    upstream.heal()
    assert moved.pull(NAME, "v1") == NEW.raw
    fetched = [request.path.rpartition("/")[2] for request in upstream.requests]
    assert fetched == ["v1", BROKEN.layers[0].digest], "fetched parts are not fetched again"


def test_an_update_that_the_rate_limit_does_not_allow_waits(moved, upstream):
    upstream.fail("/manifests/", with_headers(RateLimit_Limit="100;w=21600", RateLimit_Remaining="9;w=21600"), count=99)
    assert moved.pull(NAME, "v1") == OLD.raw
    assert tagged(moved) == OLD.digest
    assert moved.events()[-1]["failure-code"] == "UpstreamTooManyRequests"
    upstream.heal()
    upstream.fail("HEAD /manifests/", with_headers(RateLimit_Limit="100;w=21600", RateLimit_Remaining="90;w=21600"))
    moved.advance(hours=6)
    assert moved.pull(NAME, "v1") == NEW.raw


def test_the_api_is_served_as_the_registry_is(moved, upstream):
    upstream.fail(PARTS["layer"], answers(503), count=9_999)
    call = {"repositoryName": NAME, "imageIds": [{"imageTag": "v1"}]}
    (served,) = moved.ecr.batch_get_image(**call)["images"]
    assert served["imageId"]["imageDigest"] == OLD.digest
    upstream.heal()
    moved.advance(minutes=2)
    (served,) = moved.ecr.batch_get_image(**call)["images"]
    assert served["imageId"]["imageDigest"] == NEW.digest


def test_the_new_image_is_pulled_by_its_digest_as_it_comes(moved, upstream):
    upstream.fail(PARTS["layer"], answers(503), count=9_999)
    assert moved.pull(NAME, "v1") == OLD.raw
    assert moved.manifest(NAME, NEW.digest).data == NEW.raw
    assert moved.pull(NAME, NEW.images[1].digest) == NEW.images[1].raw
    assert tagged(moved) == OLD.digest


def test_every_tag_of_a_new_image_waits_for_it(cache, upstream):
    cached(cache, upstream)
    upstream.add_image("team/app", OLD, "latest")
    cache.pull(NAME, "latest")
    upstream.add_image("team/app", NEW, "latest")
    moves(cache, upstream)
    upstream.fail(PARTS["layer"], answers(503), count=9_999)
    for tag in ("v1", "latest"):
        assert cache.pull(NAME, tag) == OLD.raw
    cache.settle()
    assert cache.images(NAME)[OLD.digest] == ["latest", "v1"]
    upstream.heal()
    cache.advance(hours=2)
    for tag in ("v1", "latest"):
        assert cache.pull(NAME, tag) == NEW.raw


def test_a_new_image_of_which_the_disk_lost_bytes_is_not_whole(cache, upstream):
    """Another tag imported the image long ago, and it may have to be fetched again."""
    cached(cache, upstream)
    upstream.add_image("team/app", NEW, "v2")
    cache.pull(NAME, "v2")
    cache.settle()
    moves(cache, upstream)
    lost = BROKEN.layers[0].digest
    damage_blob(cache.emulator, lost, removed)
    upstream.fail(PARTS["layer"], answers(503), count=9_999)
    assert cache.pull(NAME, "v1") == OLD.raw
    assert tagged(cache) == OLD.digest
    upstream.heal()
    cache.advance(minutes=2)
    assert cache.pull(NAME, "v1") == NEW.raw
    assert upstream.count("GET", f"/blobs/{lost}") > 1


@pytest.mark.timeout(20)
def test_a_client_does_not_wait_again_for_a_long_update():
    update = Update(ImportJob(None, "v1", None), began=monotonic() - 1_000)
    update.wait(since=monotonic(), timeout=999)
    assert not update.over.is_set()


# --- Platforms that could be lost ------------------------------------------------------------------------


def test_an_update_of_an_unusable_cached_image_is_like_a_first_pull(cache, upstream):
    old, new = image("old"), image("new")
    upstream.add_image("team/app", old, "v1")
    upstream.remove("team/app", old.layers[0].digest)
    cache.rule()
    cache.manifest(NAME, "v1")
    cache.settle()
    moves(cache, upstream, new)
    go_on = Event()
    upstream.fail(f"/blobs/{new.layers[0].digest}", stalls(go_on))
    assert cache.manifest(NAME, "v1").data == new.raw, "the pull waits for no layer"
    go_on.set()
    cache.settle()
    assert cache.images(NAME)[new.digest] == ["v1"]


def test_the_complete_platforms_of_an_incomplete_image_are_not_lost(cache, upstream):
    upstream.add_image("team/app", OLD, "v1")
    upstream.fail(f"/manifests/{OLD.images[1].digest}", answers(403), count=9_999)
    cache.rule()
    cache.manifest(NAME, "v1")
    cache.settle()
    moves(cache, upstream)
    upstream.fail(PARTS["layer"], answers(503), count=9_999)
    cache.manifest(NAME, "v1")
    cache.settle()
    assert tagged(cache) == OLD.digest
    assert cache.pull(NAME, OLD.images[0].digest) == OLD.images[0].raw


@pytest.mark.parametrize("mode", ["manifests", "lazy"])
def test_blobs_that_clients_pulled_are_not_lost_by_an_update_in_a_sparse_mode(upstream, mode):
    with running_cache(upstream, import_mode=mode) as cache:
        upstream.add_image("team/app", OLD, "v1")
        cache.rule()
        cache.manifest(NAME, "v1")
        cache.pull(NAME, OLD.images[0].digest)
        cache.settle()
        moves(cache, upstream)
        upstream.fail(PARTS["layer"], answers(503), count=9_999)
        assert cache.manifest(NAME, "v1").data == OLD.raw
        cache.settle()
        upstream.heal()
        cache.advance(minutes=2)
        assert cache.manifest(NAME, "v1").data == NEW.raw
        upstream.stop()
        assert cache.pull(NAME, "v1") == NEW.raw, "all parts were fetched"


def test_an_update_of_a_lazy_image_without_pulled_blobs_is_lazy_too(upstream):
    with running_cache(upstream, import_mode="lazy") as cache:
        upstream.add_image("team/app", OLD, "v1")
        cache.rule()
        cache.manifest(NAME, "v1")
        cache.settle()
        moves(cache, upstream)
        assert cache.manifest(NAME, "v1").data == NEW.raw
        cache.settle()
        assert [request.method for request in upstream.requests] == ["HEAD", "GET"]


def test_an_architecture_that_the_publisher_dropped_is_no_loss(cache, upstream):
    cached(cache, upstream)
    one = index(image("new amd64"))
    moves(cache, upstream, one)
    assert cache.pull(NAME, "v1") == one.raw
    assert cache.events()[-1]["sync-status"] == "SUCCESS"


def test_one_of_two_images_for_a_platform_is_not_lost(cache, upstream):
    old, new = (index(image(f"{age} 2019"), image(f"{age} 2022")) for age in ("old", "new"))
    upstream.add_image("team/app", old, "v1")
    upstream.remove("team/app", old.images[1].digest)
    cache.rule()
    cache.manifest(NAME, "v1")
    cache.settle()
    moves(cache, upstream, new)
    upstream.remove("team/app", new.images[0].digest)
    assert cache.manifest(NAME, "v1").data == old.raw
    assert tagged(cache) == old.digest


def test_layers_that_are_never_pushed_keep_no_tag(cache, upstream):
    old, new = image("old"), image("new", layer("new"), layer("windows", media_type=FOREIGN_LAYER))
    cached(cache, upstream, old)
    moves(cache, upstream, new)
    upstream.remove("team/app", new.layers[1].digest)
    assert cache.manifest(NAME, "v1").data == new.raw
    cache.settle()
    assert tagged(cache) == new.digest


def test_an_image_that_an_index_replaces_is_not_lost(cache, upstream):
    old = image("old")
    cached(cache, upstream, old)
    moves(cache, upstream)
    upstream.remove("team/app", BROKEN.digest)
    assert cache.pull(NAME, "v1") == old.raw
    assert NEW.digest in cache.events()[-1]["failure-reason"]
    upstream.add_image("team/app", BROKEN)
    cache.advance(minutes=2)
    assert cache.pull(NAME, "v1") == NEW.raw


def test_an_image_of_ones_own_is_not_lost_to_one_that_does_not_come(moved, upstream):
    mine = image("mine")
    put_image(moved.ecr, NAME, mine, "v1")
    upstream.fail(PARTS["layer"], answers(503), count=9_999)
    assert moved.pull(NAME, "v1") == mine.raw
    assert tagged(moved) == mine.digest


def test_a_platform_that_cannot_be_read_is_none(cache, upstream):
    old, new = image("old"), image("new")
    odd = {"schemaVersion": 2, "mediaType": NEW.media_type, "manifests": [new.descriptor | {"platform": ["linux"]}]}
    cached(cache, upstream, old)
    upstream.add_image("team/app", new)
    moves(cache, upstream, old)
    upstream.add_manifest("team/app", Content(json.dumps(odd).encode(), NEW.media_type), "v1")
    assert json.loads(cache.pull(NAME, "v1")) == odd


# --- Results of an update --------------------------------------------------------------------------------


def test_nothing_is_set_off_by_an_update_before_its_tag_moves(moved, upstream):
    moved.ecr.put_registry_scanning_configuration(
        scanType="BASIC",
        rules=[{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}],
    )
    destination = {"region": "eu-west-1", "registryId": ACCOUNT}
    moved.ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [destination]}]})
    there = client_of(moved.emulator, account=ACCOUNT, region="eu-west-1")
    before = len(moved.http.get("/_ecr/events").json["events"])
    upstream.fail(PARTS["layer"], answers(503), count=9_999)

    def told(kind):
        moved.settle()
        moved.images(NAME)
        events = moved.http.get("/_ecr/events").json["events"][before:]
        return [each["detail"] for each in events if each["detail-type"] == kind]

    assert moved.pull(NAME, "v1") == OLD.raw
    assert told("ECR Image Scan") == []
    assert there.describe_repositories()["repositories"] == []
    assert NEW.digest not in [each["image-digest"] for each in told("ECR Image Action")]

    upstream.heal()
    moved.advance(minutes=2)
    assert moved.pull(NAME, "v1") == NEW.raw
    scanned = [each["image-digest"] for each in told("ECR Image Scan")]
    assert sorted(scanned) == sorted(each.digest for each in NEW.images)
    (replica,) = there.describe_images(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])["imageDetails"]
    assert replica["imageDigest"] == NEW.digest
    (pushed,) = [each for each in told("ECR Image Action") if each["image-digest"] == NEW.digest]
    assert pushed["image-tag"] == "v1"
    outcomes = [each["sync-status"] for each in told("ECR Pull Through Cache Action")]
    assert outcomes == ["FAILED", "SUCCESS"]
