"""Updates that fail in part: the cached image stays, and the next update uses the parts that came."""

import pytest

from ecr_emulator.testing.upstream.faults import answers
from ecr_emulator.testing.upstream.images import artifact, image, index, multi_arch
from tests.pull_through.matrix.stories import listing
from tests.pull_through.test_pull_through_updates import (
    NAME,
    NEW,
    OLD,
    PARTS,
    UNTAGGED_FOR_A_DAY,
    cached,
    moves,
    policy,
    tagged,
)
from tests.pull_through.test_pull_through_updates_in_progress import ARCHIVED_AFTER_A_DAY, refresh
from tests.support.pull_through import running_cache

KEEP_ONE = policy(tagStatus="any", countType="imageCountMoreThan", countNumber=1 + len(OLD.images))
ARCHIVE_ALL_BUT_ONE = KEEP_ONE.replace('{"type": "expire"}', '{"type": "transition", "targetStorageClass": "archive"}')


def fails(cache, upstream, part="layer"):
    """Let the update of the tag fail, and all others until the upstream is healed."""
    upstream.fail(PARTS[part], answers(503), count=9_999)
    assert cache.pull(NAME, "v1") == OLD.raw
    cache.settle()


def lives_by(cache, text, days):
    """Put a policy and let days pass, so that it is evaluated each day."""
    cache.ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=text)
    for _ in range(days):
        cache.advance(days=1)
        assert tagged(cache) == OLD.digest


# --- Lifecycle policies ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [KEEP_ONE, ARCHIVE_ALL_BUT_ONE], ids=["expire", "archive"])
def test_a_count_rule_does_not_count_images_of_failed_updates(cache, upstream, text):
    """The new image is newer than the cached one, and the policy keeps the newest image."""
    cached(cache, upstream)
    moves(cache, upstream)
    fails(cache, upstream)
    lives_by(cache, text, days=5)
    assert cache.pull(NAME, "v1") == OLD.raw
    upstream.heal()
    cache.advance(hours=2)
    assert cache.pull(NAME, "v1") == NEW.raw


def test_it_takes_none_after_a_restart_either(upstream, tmp_path):
    with running_cache(upstream, tmp_path / "state") as cache:
        cached(cache, upstream)
        moves(cache, upstream)
        fails(cache, upstream)
    with running_cache(upstream, tmp_path / "state") as cache:
        lives_by(cache, KEEP_ONE, days=5)
        assert cache.pull(NAME, "v1") == OLD.raw


def test_signatures_of_images_of_failed_updates_are_not_counted_either(upstream):
    with running_cache(upstream, import_referrers="with-subject") as cache:
        cached(cache, upstream)
        upstream.add_image("team/app", artifact(NEW))
        moves(cache, upstream)
        fails(cache, upstream)
        lives_by(cache, KEEP_ONE, days=5)
        assert set(cache.images(NAME)) == {OLD.digest, *(each.digest for each in OLD.images)}


def test_an_update_finds_active_what_a_policy_has_archived(cache, upstream):
    cached(cache, upstream)
    moves(cache, upstream)
    fails(cache, upstream)
    lives_by(cache, ARCHIVED_AFTER_A_DAY, days=5)
    every = cache.ecr.describe_images(repositoryName=NAME, filter={"imageStatus": "ARCHIVED"})["imageDetails"]
    assert {each["imageDigest"] for each in every} == {NEW.digest, *(each.digest for each in NEW.images)}
    upstream.heal()
    assert cache.pull(NAME, "v1") == NEW.raw
    assert tagged(cache) == NEW.digest


def test_images_that_are_shared_with_the_cached_one_stay(cache, upstream):
    shared = OLD.images[0]
    new = index(shared, image("fresh", architecture="arm64"))
    cached(cache, upstream)
    moves(cache, upstream, new)
    upstream.fail(f"/blobs/{new.images[1].layers[0].digest}", answers(503), count=9_999)
    cache.pull(NAME, "v1")
    cache.settle()
    lives_by(cache, UNTAGGED_FOR_A_DAY, days=3)
    assert set(cache.images(NAME)) == {OLD.digest, *(each.digest for each in OLD.images)}
    assert cache.pull(NAME, "v1") == OLD.raw


def test_updates_that_share_a_part_take_none_either(cache, upstream):
    other = index(NEW.images[0], image("other", architecture="arm64"))
    cached(cache, upstream)
    upstream.add_image("team/app", OLD, "v2")
    cache.pull(NAME, "v2")
    upstream.add_image("team/app", other, "v2")
    moves(cache, upstream)
    upstream.fail(PARTS["layer"], answers(503), count=9_999)
    for tag in ("v1", "v2"):
        assert cache.pull(NAME, tag) == OLD.raw
    cache.settle()
    lives_by(cache, KEEP_ONE, days=4)
    assert set(cache.images(NAME)) == {OLD.digest, *(each.digest for each in OLD.images)}
    upstream.heal()
    cache.advance(hours=2)
    assert (cache.pull(NAME, "v1"), cache.pull(NAME, "v2")) == (NEW.raw, other.raw)


# --- Other updates ---------------------------------------------------------------------------------------


def test_an_update_that_is_found_as_the_one_before_ends_comes_to_an_end_too(cache, upstream, monkeypatch):
    """A client that waits for the first update may request the tag again before the update's thread ends."""
    cached(cache, upstream)
    moves(cache, upstream)
    updates = type(cache.emulator._pull_through.updates)
    end, outcomes = updates.end, []

    def end_and_refresh(self, order):
        end(self, order)
        if not outcomes:
            outcomes.append("the first one")
            upstream.heal()
            outcomes.append(refresh(cache)["outcome"])

    monkeypatch.setattr(updates, "end", end_and_refresh)
    fails(cache, upstream)
    assert outcomes[1] == "updated"
    assert cache.pull(NAME, "v1") == NEW.raw


def test_a_tag_that_moves_back_and_forth_upstream_stays_on_a_complete_image(cache, upstream):
    cached(cache, upstream)
    for _ in range(3):
        moves(cache, upstream, NEW)
        fails(cache, upstream)
        moves(cache, upstream, OLD)
        assert cache.pull(NAME, "v1") == OLD.raw
    upstream.heal()
    for new in (NEW, OLD, NEW):
        moves(cache, upstream, new)
        assert cache.pull(NAME, "v1") == new.raw


def test_an_update_that_another_one_overtakes_is_left(cache, upstream):
    newest = multi_arch("newest")
    cached(cache, upstream)
    moves(cache, upstream)
    fails(cache, upstream)
    moves(cache, upstream, newest)
    assert cache.pull(NAME, "v1") == newest.raw
    cache.ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=KEEP_ONE)
    for _ in range(2):  # an index is deleted before the images that it lists
        cache.advance(days=1)
        assert tagged(cache) == newest.digest
    assert set(cache.images(NAME)) == {newest.digest, *(each.digest for each in newest.images)}


# --- Platforms that could be lost ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["index", "image"])
def test_a_sparse_image_is_not_lost_to_one_of_which_nothing_can_be_pulled(cache, upstream, kind):
    """A platform that the new index does not list is not lacking."""
    amd64, arm64 = image("amd64"), image("arm64", architecture="arm64")
    bare = image("no platform")
    old = index(amd64, arm64) if kind == "index" else listing(amd64, bare)
    new = index(image("new", architecture="arm64")) if kind == "index" else image("new")
    upstream.add_image("team/app", amd64)
    upstream.add_manifest("team/app", old, "v1")
    cache.rule()
    cache.manifest(NAME, "v1")
    cache.settle()
    moves(cache, upstream, new)
    broken = new.images[0] if kind == "index" else new
    upstream.remove("team/app", broken.layers[0].digest)
    cache.manifest(NAME, "v1")
    cache.settle()
    assert tagged(cache) == old.digest
    assert cache.pull(NAME, amd64.digest) == amd64.raw


def test_an_index_of_indexes_is_whole_to_its_last_layer(cache, upstream):
    inner, other = multi_arch("inner"), image("other")
    outer = listing(inner, other)
    cached(cache, upstream)
    for each in (inner, other):
        upstream.add_image("team/app", each)
    upstream.add_manifest("team/app", outer, "v1")
    cache.advance(hours=25)
    upstream.fail(f"/blobs/{inner.images[1].layers[0].digest}", answers(404), count=9_999)
    assert cache.pull(NAME, "v1") == OLD.raw
    upstream.heal()
    cache.advance(hours=2)
    assert cache.pull(NAME, "v1") == outer.raw
