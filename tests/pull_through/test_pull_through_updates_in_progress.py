"""Other requests while the new image of a cached tag is being imported."""

import json
from contextlib import contextmanager
from threading import Event
from unittest.mock import patch

import pytest

from ecr_emulator.services.pull_through.client_wait import CLIENT_WAIT
from ecr_emulator.serving.threaded import ThreadedServer
from ecr_emulator.testing.upstream.faults import answers
from ecr_emulator.testing.upstream.images import image
from tests.pull_through.matrix.stories import Beside, stopping_at
from tests.pull_through.test_pull_through_updates import (
    NAME,
    NEW,
    OLD,
    PARTS,
    UNTAGGED_FOR_A_DAY,
    cached,
    moves,
    policy,
)
from tests.support.images import put_image
from tests.support.private_registry import PrivateRegistry
from tests.support.processes import run
from tests.support.pull_through import ACCOUNT, running_cache

KEEP_ONE = policy(tagStatus="any", countType="imageCountMoreThan", countNumber=3)
ARCHIVED_AFTER_A_DAY = UNTAGGED_FOR_A_DAY.replace(
    '{"type": "expire"}', '{"type": "transition", "targetStorageClass": "archive"}'
)


@contextmanager
def on_its_way(cache, upstream, wait=CLIENT_WAIT):
    """A pull that has found an update and waits for its last layer; the block runs meanwhile.

    Clients wait for at most ``wait`` seconds from then on.
    """
    cached(cache, upstream)
    moves(cache, upstream)
    with patch("ecr_emulator.services.pull_through.manifests.CLIENT_WAIT", wait), updating(cache, upstream) as pulling:
        yield pulling
    cache.settle()


@contextmanager
def updating(cache, upstream):
    reached, go_on = Event(), Event()
    upstream.fail(PARTS["layer"], stopping_at(reached, go_on))
    pulling = Beside(lambda: cache.manifest(NAME, "v1").data)
    try:
        assert reached.wait(60)
        until_the_rest_is_here(cache)
        yield pulling
    finally:
        go_on.set()
        pulling.join()


def until_the_rest_is_here(cache):
    while not {NEW.digest, *(each.digest for each in NEW.images)} <= set(cache.images(NAME)):
        pass


# --- Lifecycle policies ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", [UNTAGGED_FOR_A_DAY, KEEP_ONE, ARCHIVED_AFTER_A_DAY], ids=["untagged", "count", "archive"]
)
def test_a_policy_that_acts_meanwhile_takes_neither_the_new_image_nor_the_old(cache, upstream, text):
    with on_its_way(cache, upstream) as pulling:
        cache.ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=text)
        cache.advance(days=3)
        everything = cache.images(NAME)
        assert everything[OLD.digest] == ["v1"]
        assert {NEW.digest, *(each.digest for each in NEW.images)} <= set(everything)
        started = cache.ecr.start_lifecycle_policy_preview(repositoryName=NAME, lifecyclePolicyText=text)
        assert started["status"] == "IN_PROGRESS"
        assert cache.ecr.get_lifecycle_policy_preview(repositoryName=NAME)["previewResults"] == []
    assert pulling.result() == NEW.raw
    assert cache.images(NAME)[NEW.digest] == ["v1"]


def test_a_policy_takes_the_old_image_after_the_tag_has_moved(cache, upstream):
    with on_its_way(cache, upstream):
        cache.ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=UNTAGGED_FOR_A_DAY)
    cache.advance(days=1)
    assert OLD.digest not in cache.images(NAME)
    assert cache.pull(NAME, "v1") == NEW.raw


def test_images_of_a_failed_update_expire_like_any_untagged_image(cache, upstream):
    cached(cache, upstream)
    moves(cache, upstream)
    cache.ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=UNTAGGED_FOR_A_DAY)
    upstream.fail(PARTS["layer"], answers(503), count=9_999)
    cache.pull(NAME, "v1")
    cache.settle()
    assert NEW.digest in cache.images(NAME)
    cache.advance(days=3)
    assert set(cache.images(NAME)) == {OLD.digest, *(each.digest for each in OLD.images)}
    upstream.heal()
    assert cache.pull(NAME, "v1") == NEW.raw


def test_a_blob_being_downloaded_is_no_garbage(cache, upstream):
    with on_its_way(cache, upstream) as pulling:
        cache.advance(days=3)
        cache.http.post("/_ecr/gc", json={"grace": "0s"})
    assert pulling.result() == NEW.raw
    upstream.stop()
    assert cache.pull(NAME, "v1") == NEW.raw


# --- Users -----------------------------------------------------------------------------------------------


def test_a_tag_that_becomes_immutable_meanwhile_stays(cache, upstream):
    with on_its_way(cache, upstream) as pulling:
        cache.ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    assert pulling.result() == OLD.raw
    assert cache.images(NAME)[OLD.digest] == ["v1"]
    assert cache.events()[-1]["failure-code"] == "ImageTagAlreadyExists"


def test_a_tag_that_was_immutable_for_a_while_moves(cache, upstream):
    with on_its_way(cache, upstream) as pulling:
        for mutability in ("IMMUTABLE", "MUTABLE"):
            cache.ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability=mutability)
    assert pulling.result() == NEW.raw


def test_a_tag_in_a_repository_that_was_created_anew_is_no_update(cache, upstream):
    mine = image("mine")
    with on_its_way(cache, upstream):
        cache.ecr.delete_repository(repositoryName=NAME, force=True)
        cache.ecr.create_repository(repositoryName=NAME)
        put_image(cache.ecr, NAME, mine, "v1")
    assert cache.images(NAME)[mine.digest] == ["v1"]


def test_a_tag_that_is_immutable_costs_one_manifest_and_no_import(cache, upstream):
    cached(cache, upstream)
    cache.ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    moves(cache, upstream)
    assert cache.pull(NAME, "v1") == OLD.raw
    cache.settle()
    assert [request.method for request in upstream.requests] == ["HEAD", "GET"]
    assert NEW.digest not in cache.images(NAME)


def test_a_tag_that_somebody_pushes_meanwhile_is_theirs(cache, upstream):
    mine = image("mine")
    with on_its_way(cache, upstream):
        put_image(cache.ecr, NAME, mine, "v1")
    assert cache.images(NAME)[mine.digest] == ["v1"]
    assert "was changed in 'quay/team/app'" in cache.events()[-1]["failure-reason"]


def test_a_tag_that_is_deleted_meanwhile_stays_deleted(cache, upstream):
    with on_its_way(cache, upstream):
        cache.ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
    assert all(tags == [] for tags in cache.images(NAME).values())
    assert cache.pull(NAME, "v1") == NEW.raw, "the next pull is a first pull"


def test_an_update_whose_images_somebody_deletes_is_not_whole(cache, upstream):
    with on_its_way(cache, upstream) as pulling:
        untagged = [{"imageDigest": digest} for digest, tags in cache.images(NAME).items() if not tags]
        cache.ecr.batch_delete_image(repositoryName=NAME, imageIds=untagged)
    assert pulling.result() == OLD.raw
    assert cache.images(NAME)[OLD.digest] == ["v1"]
    cache.advance(minutes=2)
    assert cache.pull(NAME, "v1") == NEW.raw


def test_an_update_that_lists_an_archived_image_makes_it_active(cache, upstream):
    """As a push does."""
    child = NEW.images[1]
    upstream.add_image("team/app", child)
    cached(cache, upstream)
    cache.pull(NAME, child.digest)
    cache.settle()
    call = {"repositoryName": NAME, "imageId": {"imageDigest": child.digest}}
    cache.ecr.update_image_storage_class(**call, targetStorageClass="ARCHIVE")
    assert cache.manifest(NAME, child.digest).status_code == 404
    moves(cache, upstream)
    assert cache.pull(NAME, "v1") == NEW.raw
    assert upstream.count("GET", f"/manifests/{child.digest}") == 0, "the blob was stored"


def test_a_rule_that_another_one_replaces_meanwhile_moves_no_tag(cache, upstream):
    with on_its_way(cache, upstream) as pulling:
        cache.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
        cache.rule(url="registry.k8s.io")
    assert pulling.result() == OLD.raw
    assert cache.images(NAME)[OLD.digest] == ["v1"]
    assert "is pulled from registry.k8s.io since a change of the rule" in cache.events()[-1]["failure-reason"]


def test_an_update_for_which_the_quota_is_used_up_leaves_the_tag(cache, upstream, monkeypatch):
    cached(cache, upstream)
    moves(cache, upstream)
    for most in (3, 4):
        monkeypatch.setattr("ecr_emulator.services.images.MAX_IMAGES_PER_REPOSITORY", most)
        assert cache.pull(NAME, "v1") == OLD.raw
        assert cache.events()[-1]["failure-code"] == "StorageFailure"
        cache.advance(minutes=2)
    monkeypatch.undo()
    assert cache.pull(NAME, "v1") == NEW.raw


# --- Refresh and prefetch --------------------------------------------------------------------------------


def refresh(cache):
    (refreshed,) = cache.http.post("/_ecr/refresh", json={"image": f"{NAME}:v1"}).json["refreshed"]
    return refreshed


class Prefetch:
    """A pull in advance that has begun, and follows the update that it found."""

    def __init__(self, cache):
        answer = cache.http.post("/_ecr/pull", json={"image": f"{NAME}:v1"})
        self._lines = answer.iter_encoded()
        assert json.loads(next(self._lines))["digest"] == NEW.digest

    def rest(self):
        return [json.loads(line) for line in b"".join(self._lines).splitlines()]


def test_a_refresh_says_that_a_tag_is_updating(cache, upstream, tmp_path):
    with on_its_way(cache, upstream, wait=0.5) as pulling:
        assert pulling.result() == OLD.raw
        refreshed = refresh(cache)
        assert (refreshed["outcome"], refreshed["digest"]) == ("updating", OLD.digest)
        reason = f"{NEW.digest} is served when its import is complete"
        assert refreshed["reason"] == reason
        with ThreadedServer(cache.emulator.wsgi) as server:
            typed = run(tmp_path, "refresh", f"{NAME}:v1", "--port", str(server.port), "--account", ACCOUNT)
        assert (typed.returncode, typed.stderr) == (0, "")
        assert typed.stdout == f"{NAME}:v1  updating: {reason}; until then it is {OLD.digest}\n"
    assert refresh(cache)["digest"] == NEW.digest


def test_a_refresh_of_a_repository_waits_once_for_all_its_updates(cache, upstream, monkeypatch):
    cached(cache, upstream)
    upstream.add_image("team/app", OLD, "v2")
    cache.pull(NAME, "v2")
    upstream.add_image("team/app", NEW, "v2")
    moves(cache, upstream)
    monkeypatch.setattr("ecr_emulator.services.pull_through.manifests.CLIENT_WAIT", 0.5)
    go_on = Event()
    upstream.fail(PARTS["layer"], stopping_at(Event(), go_on))
    outcomes = cache.http.post("/_ecr/refresh", json={"image": NAME}).json["refreshed"]
    assert [each["outcome"] for each in outcomes] == ["updating", "updating"]
    go_on.set()
    cache.settle()
    assert cache.images(NAME)[NEW.digest] == ["v1", "v2"]


def test_a_refresh_that_finds_an_update_that_does_not_come_fails(cache, upstream):
    cached(cache, upstream)
    moves(cache, upstream)
    upstream.fail(PARTS["image"], answers(503), count=9_999)
    refreshed = refresh(cache)
    assert (refreshed["outcome"], refreshed["digest"], refreshed["previous"]) == ("failed", OLD.digest, OLD.digest)
    assert "answered 503" in refreshed["reason"]
    upstream.heal()
    assert refresh(cache)["outcome"] == "updated"
    assert cache.pull(NAME, "v1") == NEW.raw


def test_a_pull_in_advance_follows_an_update_to_its_end(cache, upstream):
    with on_its_way(cache, upstream, wait=0.5) as pulling:
        assert pulling.result() == OLD.raw
        prefetch = Prefetch(cache)
        upstream.heal()
    *_, last, done = prefetch.rest()
    assert (last["digest"], done) == (NEW.digest, {"done": True})
    assert cache.images(NAME)[NEW.digest] == ["v1"]


def test_a_pull_in_advance_of_an_update_that_does_not_come_says_so(cache, upstream):
    with on_its_way(cache, upstream, wait=0.5) as pulling:
        assert pulling.result() == OLD.raw
        cache.ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
        prefetch = Prefetch(cache)
    last = prefetch.rest()[-1]
    assert f"{NAME}:v1 stays at {OLD.digest}" in last["error"]


# --- One registry from another ---------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 503])
def test_a_tag_in_another_registry_that_is_not_whole_there_moves_nothing_here(cache, upstream, status):
    """A chain of two registries: the nearer one has the new image, but not all of its parts."""
    down, up = PrivateRegistry(cache), PrivateRegistry(cache, region="eu-central-1")
    up.ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    down.rule("eu", up)
    upstream.add_image("team/app", OLD, "v1")
    assert down.pull("eu/quay/team/app", "v1") == OLD.raw
    cache.settle()
    up.ecr.delete_repository(repositoryName="quay/team/app", force=True)
    upstream.add_image("team/app", NEW, "v1")
    cache.advance(hours=25)
    upstream.fail(PARTS["image"], answers(status), count=9_999)
    assert down.pull("eu/quay/team/app", "v1") == OLD.raw
    cache.settle()
    assert up.tags("quay/team/app")[NEW.digest] == ["v1"], "for the nearer registry it is a first pull"
    assert down.tags("eu/quay/team/app")[OLD.digest] == ["v1"]
    upstream.heal()
    cache.advance(hours=25)
    assert down.pull("eu/quay/team/app", "v1") == NEW.raw
    cache.settle()
    assert down.tags("eu/quay/team/app")[NEW.digest] == ["v1"]


def test_an_update_that_a_restart_interrupts_is_tried_again(upstream, tmp_path):
    with running_cache(upstream, tmp_path / "state") as cache:
        cached(cache, upstream)
        moves(cache, upstream)
        never, reached = Event(), Event()
        upstream.fail(PARTS["layer"], stopping_at(reached, never))
        pulling = Beside(lambda: cache.manifest(NAME, "v1").data)
        assert reached.wait(60)
        cache.emulator.close()
        never.set()
        pulling.join()
    with running_cache(upstream, tmp_path / "state") as cache:
        cache.advance(hours=25)
        assert cache.images(NAME)[OLD.digest] == ["v1"]
        assert cache.pull(NAME, "v1") == NEW.raw
