"""Cells that need a story: a cached tag has moved, and its new image is on its way."""

from threading import Event

import pytest

from tests.support.full_disk import full_disk
from tests.support.upstream_images import image, index
from tests.through.matrix.stories import Beside, at_once, listing, stopping_at
from tests.through.matrix.world import APP, CHILD, NAME, NEW_CHILD, NEW_LAYER, NEWER, TEAM


def test_an_update_to_indexes_in_indexes_is_whole_to_the_last_level(at):
    here = at("U")
    outer = listing(listing(NEWER), CHILD)
    here.upstream.add_manifest(TEAM, listing(NEWER))
    here.upstream.add_manifest(TEAM, outer, "v1")
    here.upstream.remove(TEAM, NEW_LAYER.digest)
    assert here.act().body == APP.raw
    here.finish_import()
    assert here.told() == "ImageNotFound"
    here.check_old_image()
    here.upstream.add_blobs(TEAM, NEW_LAYER)
    here.here.advance(minutes=2)
    assert here.act().body == outer.raw
    here.upstream.stop()
    assert here.here.pull(NAME, "v1") == outer.raw
    here.check_store()


def test_a_sparse_image_follows_a_sparse_one(at):
    """What an upstream never had is nothing that an update could lose."""
    here = at("M")
    here.upstream.remove(TEAM, CHILD.digest)
    here.finish_import()
    assert here.act().body == APP.raw
    here.finish_import()
    newer = index(image("none", architecture="amd64"), image("newer arm64", architecture="arm64"))
    here.upstream.add_image(TEAM, newer, "v1")
    here.upstream.remove(TEAM, newer.images[0].digest)
    here.here.advance(hours=25)
    assert here.act().body == newer.raw
    here.check_store()
    here.upstream.remove(TEAM, NEWER.digest)
    newest = index(image("newest amd64", architecture="amd64"), image("gone", architecture="arm64"))
    here.upstream.add_image(TEAM, newest, "v1")
    here.upstream.remove(TEAM, newest.images[1].digest)
    here.here.advance(hours=25)
    assert here.act().body == newer.raw, "the image for arm64 would be lost"


@pytest.mark.parametrize("phase", ["U", "L"])
def test_an_update_ends_though_its_rule_is_deleted(at, phase):
    here = at(phase)
    reached, go_on = Event(), Event()
    here.upstream.fail(here.target, stopping_at(reached, go_on))
    asking = Beside(here.act)
    assert reached.wait(60)
    here.here.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="cache")
    go_on.set()
    assert asking.result().body == NEWER.raw
    assert here.told() == "SUCCESS"
    assert here.here.images(NAME)[NEWER.digest] == ["v1"]
    here.check_store()


@pytest.mark.parametrize("phase", ["U", "L"])
def test_a_repository_that_is_deleted_during_an_update_stays_deleted(at, phase):
    here = at(phase)
    reached, go_on = Event(), Event()
    here.upstream.fail(here.target, stopping_at(reached, go_on))
    asking = Beside(here.act)
    assert reached.wait(60)
    here.here.ecr.delete_repository(repositoryName=NAME, force=True)
    go_on.set()
    assert asking.result().body == APP.raw
    here.here.settle()
    assert here.here.repositories() == []
    here.check_recovery()


def test_an_update_for_which_there_is_no_room_leaves_the_tag(at):
    here = at("L")
    with full_disk(here.here.emulator, after=100_000):
        assert here.act().body == APP.raw
        here.here.settle()
        here.check_old_image()
    here.check_store()
    here.check_recovery()


def test_an_update_that_takes_long_goes_on_and_the_tag_moves_when_it_is_whole(at, monkeypatch):
    here = at("L")
    reached, go_on = Event(), Event()
    here.upstream.fail(here.target, stopping_at(reached, go_on, after=100_000))
    monkeypatch.setattr("ecr_emulator.services.pull_through.manifests.PATIENCE", 0.5)
    assert here.act().body == APP.raw, "the client has waited long enough"
    assert reached.wait(60)
    asked = len(here.upstream.requests)
    assert here.act().body == APP.raw, "who comes later waits no more"
    assert len(here.upstream.requests) == asked, "one check is enough for one update"
    assert here.get(f"manifests/{NEWER.digest}").body == NEWER.raw, "by digest it is served as it comes"
    assert here.get(f"manifests/{NEW_CHILD.digest}").body == NEW_CHILD.raw
    assert here.told() is None
    go_on.set()
    here.here.settle()
    assert here.told() == "SUCCESS"
    assert here.act().body == NEWER.raw
    assert len(here.asked()) == 1
    here.check_recovery()


def test_twenty_clients_of_an_update_are_one_import(at):
    here = at("L")
    assert {each.body for each in at_once(*[here.act] * 20)} == {NEWER.raw}
    assert len(here.asked()) == 1
    assert here.upstream.count("HEAD", "/manifests/v1") == 1
    assert here.upstream.count("GET", f"/manifests/{NEWER.digest}") == 1
