"""Cells that need a story: a cached tag has moved, and its new image is being imported."""

from threading import Event

import pytest

from ecr_emulator.testing.upstream.images import image, index
from tests.pull_through.matrix.scenario import APP, CHILD, NAME, NEW_CHILD, NEW_LAYER, NEWER, TEAM
from tests.pull_through.matrix.stories import Beside, at_once, listing, stopping_at
from tests.support.full_disk import full_disk


def test_an_update_to_indexes_in_indexes_is_whole_to_the_last_level(at):
    scenario = at("U")
    outer = listing(listing(NEWER), CHILD)
    scenario.upstream.add_manifest(TEAM, listing(NEWER))
    scenario.upstream.add_manifest(TEAM, outer, "v1")
    scenario.upstream.remove(TEAM, NEW_LAYER.digest)
    assert scenario.act().body == APP.raw
    scenario.finish_import()
    assert scenario.told() == "ImageNotFound"
    scenario.check_old_image()
    scenario.upstream.add_blobs(TEAM, NEW_LAYER)
    scenario.cache.advance(minutes=2)
    assert scenario.act().body == outer.raw
    scenario.upstream.stop()
    assert scenario.cache.pull(NAME, "v1") == outer.raw
    scenario.check_store()


def test_a_sparse_image_follows_a_sparse_one(at):
    """An update cannot lose a child that the upstream never had."""
    scenario = at("M")
    scenario.upstream.remove(TEAM, CHILD.digest)
    scenario.finish_import()
    assert scenario.act().body == APP.raw
    scenario.finish_import()
    newer = index(image("none", architecture="amd64"), image("newer arm64", architecture="arm64"))
    scenario.upstream.add_image(TEAM, newer, "v1")
    scenario.upstream.remove(TEAM, newer.images[0].digest)
    scenario.cache.advance(hours=25)
    assert scenario.act().body == newer.raw
    scenario.check_store()
    scenario.upstream.remove(TEAM, NEWER.digest)
    newest = index(image("newest amd64", architecture="amd64"), image("gone", architecture="arm64"))
    scenario.upstream.add_image(TEAM, newest, "v1")
    scenario.upstream.remove(TEAM, newest.images[1].digest)
    scenario.cache.advance(hours=25)
    assert scenario.act().body == newer.raw, "the image for arm64 would be lost"


@pytest.mark.parametrize("phase", ["U", "L"])
def test_an_update_ends_though_its_rule_is_deleted(at, phase):
    scenario = at(phase)
    reached, go_on = Event(), Event()
    scenario.upstream.fail(scenario.target, stopping_at(reached, go_on))
    asking = Beside(scenario.act)
    assert reached.wait(60)
    scenario.cache.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="cache")
    go_on.set()
    assert asking.result().body == NEWER.raw
    assert scenario.told() == "SUCCESS"
    assert scenario.cache.images(NAME)[NEWER.digest] == ["v1"]
    scenario.check_store()


@pytest.mark.parametrize("phase", ["U", "L"])
def test_a_repository_that_is_deleted_during_an_update_stays_deleted(at, phase):
    scenario = at(phase)
    reached, go_on = Event(), Event()
    scenario.upstream.fail(scenario.target, stopping_at(reached, go_on))
    asking = Beside(scenario.act)
    assert reached.wait(60)
    scenario.cache.ecr.delete_repository(repositoryName=NAME, force=True)
    go_on.set()
    assert asking.result().body == APP.raw
    scenario.cache.settle()
    assert scenario.cache.repositories() == []
    scenario.check_recovery()


@pytest.mark.sqlite
def test_an_update_for_which_there_is_no_room_leaves_the_tag(at):
    scenario = at("L")
    with full_disk(scenario.cache.emulator, after=100_000):
        assert scenario.act().body == APP.raw
        scenario.cache.settle()
        scenario.check_old_image()
    scenario.check_store()
    scenario.check_recovery()


def test_an_update_that_takes_long_goes_on_and_the_tag_moves_when_it_is_whole(at, monkeypatch):
    scenario = at("L")
    reached, go_on = Event(), Event()
    scenario.upstream.fail(scenario.target, stopping_at(reached, go_on, after=100_000))
    monkeypatch.setattr("ecr_emulator.services.pull_through.manifests.CLIENT_WAIT", 0.5)
    assert scenario.act().body == APP.raw, "the client has waited long enough"
    assert reached.wait(60)
    assert scenario.act().body == APP.raw, "later clients do not wait"
    assert scenario.upstream.count("HEAD", "/manifests/v1") == 1, "one check is enough for one update"
    assert scenario.get(f"manifests/{NEWER.digest}").body == NEWER.raw, "by digest it is served while it is imported"
    assert scenario.get(f"manifests/{NEW_CHILD.digest}").body == NEW_CHILD.raw
    assert scenario.told() is None
    go_on.set()
    scenario.cache.settle()
    assert scenario.told() == "SUCCESS"
    assert scenario.act().body == NEWER.raw
    assert len(scenario.asked()) == 1
    scenario.check_recovery()


def test_twenty_clients_of_an_update_are_one_import(at):
    scenario = at("L")
    assert {each.body for each in at_once(*[scenario.act] * 20)} == {NEWER.raw}
    assert len(scenario.asked()) == 1
    assert scenario.upstream.count("HEAD", "/manifests/v1") == 1
    assert scenario.upstream.count("GET", f"/manifests/{NEWER.digest}") == 1
