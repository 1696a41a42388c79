"""What an update leaves that did not come in full takes nothing from the cached image, and serves the next one."""

import pytest

from tests.support.faults import answers
from tests.support.upstream_images import artifact, image, index, multi_arch
from tests.through.conftest import running
from tests.through.matrix.stories import listing
from tests.through.test_through_updates import (
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
from tests.through.test_through_updates_meanwhile import ARCHIVED_AFTER_A_DAY, refresh

KEEP_ONE = policy(tagStatus="any", countType="imageCountMoreThan", countNumber=1 + len(OLD.images))
ARCHIVE_ALL_BUT_ONE = KEEP_ONE.replace('{"type": "expire"}', '{"type": "transition", "targetStorageClass": "archive"}')


def fails(here, upstream, part="layer"):
    """The update of the tag, and all others until the upstream is healed."""
    upstream.fail(PARTS[part], answers(503), times=9_999)
    assert here.pull(NAME, "v1") == OLD.raw
    here.settle()


def lives_by(here, text, days):
    """Each day, the policy is evaluated."""
    here.ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=text)
    for _ in range(days):
        here.advance(days=1)
        assert tagged(here) == OLD.digest


# --- Lifecycle policies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [KEEP_ONE, ARCHIVE_ALL_BUT_ONE], ids=["expire", "archive"])
def test_where_images_are_counted_what_is_left_takes_no_place(here, upstream, text):
    """It is newer than the cached image, and a policy keeps what is new."""
    cached(here, upstream)
    moves(here, upstream)
    fails(here, upstream)
    lives_by(here, text, days=5)
    assert here.pull(NAME, "v1") == OLD.raw
    upstream.heal()
    here.advance(hours=2)
    assert here.pull(NAME, "v1") == NEW.raw


def test_it_takes_none_after_a_restart_either(upstream, tmp_path):
    with running(upstream, tmp_path / "state", keep=True) as here:
        cached(here, upstream)
        moves(here, upstream)
        fails(here, upstream)
    with running(upstream, tmp_path / "state") as here:
        lives_by(here, KEEP_ONE, days=5)
        assert here.pull(NAME, "v1") == OLD.raw


def test_signatures_of_what_is_left_take_none_either(upstream, tmp_path):
    with running(upstream, tmp_path / "state", import_referrers="with-subject") as here:
        cached(here, upstream)
        upstream.add_image("team/app", artifact(NEW))
        moves(here, upstream)
        fails(here, upstream)
        lives_by(here, KEEP_ONE, days=5)
        assert set(here.images(NAME)) == {OLD.digest, *(each.digest for each in OLD.images)}


def test_an_update_finds_active_what_a_policy_has_archived(here, upstream):
    cached(here, upstream)
    moves(here, upstream)
    fails(here, upstream)
    lives_by(here, ARCHIVED_AFTER_A_DAY, days=5)
    every = here.ecr.describe_images(repositoryName=NAME, filter={"imageStatus": "ARCHIVED"})["imageDetails"]
    assert {each["imageDigest"] for each in every} == {NEW.digest, *(each.digest for each in NEW.images)}
    upstream.heal()
    assert here.pull(NAME, "v1") == NEW.raw
    assert tagged(here) == NEW.digest


def test_images_that_are_shared_with_the_cached_one_stay(here, upstream):
    shared = OLD.images[0]
    new = index(shared, image("fresh", architecture="arm64"))
    cached(here, upstream)
    moves(here, upstream, new)
    upstream.fail(f"/blobs/{new.images[1].layers[0].digest}", answers(503), times=9_999)
    here.pull(NAME, "v1")
    here.settle()
    lives_by(here, UNTAGGED_FOR_A_DAY, days=3)
    assert set(here.images(NAME)) == {OLD.digest, *(each.digest for each in OLD.images)}
    assert here.pull(NAME, "v1") == OLD.raw


def test_updates_that_share_a_part_take_none_either(here, upstream):
    other = index(NEW.images[0], image("other", architecture="arm64"))
    cached(here, upstream)
    upstream.add_image("team/app", OLD, "v2")
    here.pull(NAME, "v2")
    upstream.add_image("team/app", other, "v2")
    moves(here, upstream)
    upstream.fail(PARTS["layer"], answers(503), times=9_999)
    for tag in ("v1", "v2"):
        assert here.pull(NAME, tag) == OLD.raw
    here.settle()
    lives_by(here, KEEP_ONE, days=4)
    assert set(here.images(NAME)) == {OLD.digest, *(each.digest for each in OLD.images)}
    upstream.heal()
    here.advance(hours=2)
    assert (here.pull(NAME, "v1"), here.pull(NAME, "v2")) == (NEW.raw, other.raw)


# --- Other updates -------------------------------------------------------------------------------------------


def test_an_update_that_is_found_as_the_one_before_ends_comes_to_an_end_too(here, upstream, monkeypatch):
    """Whoever waits for the first one may ask for the tag again before its thread is free."""
    monkeypatch.setattr("ecr_emulator.services.pull_through.manifests.PATIENCE", 0.5)
    cached(here, upstream)
    moves(here, upstream)
    updates = type(here.emulator._pull_through.updates)
    end, outcomes = updates.end, []

    def end_and_refresh(self, order):
        end(self, order)
        if not outcomes:
            outcomes.append("the first one")
            upstream.heal()
            outcomes.append(refresh(here)["outcome"])

    monkeypatch.setattr(updates, "end", end_and_refresh)
    fails(here, upstream)
    assert outcomes[1] == "updated"
    assert here.pull(NAME, "v1") == NEW.raw


def test_upstreams_that_change_their_mind_leave_the_tag_on_what_is_whole(here, upstream):
    cached(here, upstream)
    for _ in range(3):
        moves(here, upstream, NEW)
        fails(here, upstream)
        moves(here, upstream, OLD)
        assert here.pull(NAME, "v1") == OLD.raw
    upstream.heal()
    for new in (NEW, OLD, NEW):
        moves(here, upstream, new)
        assert here.pull(NAME, "v1") == new.raw


def test_an_update_that_another_one_overtakes_is_left(here, upstream):
    newest = multi_arch("newest")
    cached(here, upstream)
    moves(here, upstream)
    fails(here, upstream)
    moves(here, upstream, newest)
    assert here.pull(NAME, "v1") == newest.raw
    here.ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=KEEP_ONE)
    for _ in range(2):  # indexes go before what they list
        here.advance(days=1)
        assert tagged(here) == newest.digest
    assert set(here.images(NAME)) == {newest.digest, *(each.digest for each in newest.images)}


# --- What there is to lose -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["index", "image"])
def test_a_sparse_image_is_not_lost_to_one_of_which_nothing_can_be_pulled(here, upstream, kind):
    """The new one lacks no platform that the cached one has, since it does not list them any more."""
    amd64, arm64 = image("amd64"), image("arm64", architecture="arm64")
    bare = image("no platform")
    old = index(amd64, arm64) if kind == "index" else listing(amd64, bare)
    new = index(image("new", architecture="arm64")) if kind == "index" else image("new")
    upstream.add_image("team/app", amd64)
    upstream.add_manifest("team/app", old, "v1")
    here.rule()
    here.manifest(NAME, "v1")
    here.settle()
    moves(here, upstream, new)
    broken = new.images[0] if kind == "index" else new
    upstream.remove("team/app", broken.layers[0].digest)
    here.manifest(NAME, "v1")
    here.settle()
    assert tagged(here) == old.digest
    assert here.pull(NAME, amd64.digest) == amd64.raw


def test_an_index_of_indexes_is_whole_to_its_last_layer(here, upstream):
    inner, other = multi_arch("inner"), image("other")
    outer = listing(inner, other)
    cached(here, upstream)
    for each in (inner, other):
        upstream.add_image("team/app", each)
    upstream.add_manifest("team/app", outer, "v1")
    here.advance(hours=25)
    upstream.fail(f"/blobs/{inner.images[1].layers[0].digest}", answers(404), times=9_999)
    assert here.pull(NAME, "v1") == OLD.raw
    upstream.heal()
    here.advance(hours=2)
    assert here.pull(NAME, "v1") == outer.raw
