"""A request that joins a check which began before it: it never gets an answer older than what the client knows."""

import sys
import traceback
from contextlib import contextmanager

import pytest

from ecr_emulator.services.pull_through import single_flight, updates
from ecr_emulator.testing.upstream.faults import answers
from ecr_emulator.testing.upstream.images import artifact, image, index, layer
from tests.pull_through.matrix.stories import Beside
from tests.support.full_disk import read_only_disk
from tests.support.images import put_image
from tests.support.node_fetches import stalled
from tests.support.programs import until

NAME = "quay/team/app"
OLD, NEW = image("old"), image("new")
SIGNED = artifact(OLD)
DENIED = answers(403)
"""A failure that the emulator does not try again at once."""


@pytest.fixture
def cached(cache, upstream):
    """An image of the cache whose tag is due for a check."""
    upstream.add_image("team/app", OLD, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    cache.advance(hours=25)
    upstream.requests.clear()


def beside(call):
    """Make a call, and return when it waits for an upstream."""
    calling = Beside(call)
    until(lambda: _is_in(calling, single_flight.__file__, updates.__file__))
    return calling


def _is_in(thread, *files):
    frame = sys._current_frames().get(thread.ident)
    return any(each.f_code.co_filename in files for each, _ in traceback.walk_stack(frame))


@contextmanager
def older_check(cache, upstream, **answer):
    """A pull whose question the upstream has heard, and answers when the block ends."""
    with stalled(upstream, "/manifests/v1", lambda: Beside(lambda: cache.manifest(NAME, "v1")), **answer) as older:
        yield older
    older.join()
    cache.settle()


def pulling(cache, reference="v1"):
    return beside(lambda: cache.manifest(NAME, reference))


@pytest.mark.usefixtures("cached")
@pytest.mark.parametrize("fault", [None, DENIED], ids=["answered", "failed"])
def test_a_pull_gets_the_image_that_was_upstream_when_the_clock_made_its_check_due(cache, upstream, fault):
    with older_check(cache, upstream, then=fault) as older:
        upstream.add_image("team/app", NEW, "v1")
        cache.advance(hours=25)
        later = pulling(cache)
    assert later.result().data == NEW.raw
    assert older.result().data in (OLD.raw, NEW.raw)


@pytest.mark.parametrize("fault", [None, DENIED], ids=["answered", "failed"])
def test_a_first_pull_gets_it_too(cache, upstream, fault):
    upstream.add_image("team/app", OLD, "v1")
    cache.rule()
    with older_check(cache, upstream, then=fault) as older:
        upstream.add_image("team/app", NEW, "v1")
        cache.advance(hours=25)
        later = pulling(cache)
    assert later.result().data == NEW.raw
    assert older.result().status_code == (403 if fault else 200)


@pytest.mark.usefixtures("cached")
def test_pulls_at_the_same_emulated_time_share_a_check(cache, upstream):
    with older_check(cache, upstream) as older:
        others = [pulling(cache) for _ in range(3)]
    assert {each.result().data for each in [older, *others]} == {OLD.raw}
    assert len(upstream.asked("HEAD", "/v2/team/app/manifests/v1")) == 1


@pytest.mark.sqlite
def test_pulls_of_an_image_that_cannot_be_stored_share_a_fetch(cache, upstream):
    upstream.add_image("team/app", OLD, "v1")
    cache.rule()
    with read_only_disk(cache.emulator):
        with older_check(cache, upstream) as older:
            others = [pulling(cache) for _ in range(3)]
        assert {each.result().data for each in [older, *others]} == {OLD.raw}
    assert len(upstream.asked("GET", "/v2/team/app/manifests/v1")) == 1


def test_first_pulls_at_the_same_emulated_time_share_a_failure(cache, upstream):
    upstream.add_image("team/app", OLD, "v1")
    cache.rule()
    with older_check(cache, upstream, then=DENIED) as older:
        others = [pulling(cache) for _ in range(3)]
    assert {each.result().status_code for each in [older, *others]} == {403}
    assert len(upstream.asked("GET", "/v2/team/app/manifests/v1")) == 1


@pytest.mark.usefixtures("cached")
@pytest.mark.parametrize("fault", [None, DENIED], ids=["answered", "failed"])
def test_a_refresh_asks_the_upstream_itself(cache, upstream, fault):
    with older_check(cache, upstream, then=fault):
        upstream.add_image("team/app", NEW, "v1")
        refreshing = beside(lambda: cache.refresh(f"{NAME}:v1"))
    (refreshed,) = refreshing.result().json["refreshed"]
    assert (refreshed["outcome"], refreshed["digest"], refreshed["previous"]) == ("updated", NEW.digest, OLD.digest)
    assert cache.pull(NAME, "v1") == NEW.raw


@pytest.mark.parametrize("fault", [None, DENIED, answers(404)], ids=["answered", "denied", "unknown"])
def test_a_refresh_of_a_tag_that_is_not_cached_asks_the_upstream_itself(cache, upstream, fault):
    upstream.add_image("team/app", OLD, "v1")
    cache.rule()
    with older_check(cache, upstream, then=fault):
        upstream.add_image("team/app", NEW, "v1")
        refreshing = beside(lambda: cache.refresh(f"{NAME}:v1"))
    assert refreshing.result().json["refreshed"][0]["digest"] == NEW.digest
    assert cache.pull(NAME, "v1") == NEW.raw


@contextmanager
def older_update(cache, upstream):
    """A pull that has found a new image with a platform which the cache lacks, and waits for its last layer."""
    two = [image("two", layer("two"), architecture=each) for each in ("amd64", "arm64")]
    upstream.add_image("team/app", index(*two), "v1")
    cache.pull(NAME, "v1")
    cache.settle()
    cache.advance(hours=25)
    own = layer("last")
    upstream.add_image("team/app", index(image("last", own), two[1]), "v1")
    with stalled(upstream, f"/blobs/{own.digest}", lambda: Beside(lambda: cache.manifest(NAME, "v1"))):
        yield
    cache.settle()


@pytest.mark.usefixtures("cached")
def test_a_pull_that_waits_for_an_older_update_gets_the_image_that_is_upstream_then(cache, upstream):
    with older_update(cache, upstream):
        upstream.add_image("team/app", NEW, "v1")
        cache.advance(hours=25)
        later = pulling(cache)
    assert later.result().data == NEW.raw


@pytest.mark.usefixtures("cached")
def test_a_refresh_that_waits_for_an_older_update_gets_the_image_that_is_upstream_then(cache, upstream):
    with older_update(cache, upstream):
        upstream.add_image("team/app", NEW, "v1")
        refreshing = beside(lambda: cache.refresh(f"{NAME}:v1"))
    (refreshed,) = refreshing.result().json["refreshed"]
    assert (refreshed["outcome"], refreshed["digest"]) == ("updated", NEW.digest)


@pytest.mark.usefixtures("cached")
def test_a_refresh_that_waits_too_long_for_an_older_check_does_not_say_unchanged(cache, upstream, monkeypatch):
    with older_check(cache, upstream):
        monkeypatch.setattr("ecr_emulator.services.pull_through.manifests.CLIENT_WAIT", 0.05)
        (refreshed,) = cache.refresh(f"{NAME}:v1").json["refreshed"]
        monkeypatch.undo()
    assert (refreshed["outcome"], refreshed["digest"]) == ("failed", OLD.digest)
    assert "did not answer within" in refreshed["reason"]


@pytest.mark.usefixtures("cached")
def test_a_tag_that_was_pushed_during_a_check_is_checked_again(cache, upstream):
    with older_check(cache, upstream):
        put_image(cache.ecr, NAME, image("pushed"), "v1")
        asked = len(upstream.asked("HEAD", "/v2/team/app/manifests/v1"))
    assert cache.pull(NAME, "v1") == OLD.raw
    assert len(upstream.asked("HEAD", "/v2/team/app/manifests/v1")) == asked + 1


@pytest.mark.usefixtures("cached")
def test_a_tag_that_was_deleted_here_and_upstream_during_a_check_is_not_found(cache, upstream):
    with older_check(cache, upstream) as older:
        upstream.remove("team/app", "v1")
        cache.ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
        later = pulling(cache)
    assert later.result().status_code == 404
    assert older.result().data == OLD.raw


@pytest.mark.parametrize("fault", [None, answers(404), DENIED], ids=["answered", "unknown", "denied"])
def test_a_pull_follows_a_rule_that_changes_meanwhile(cache, upstream, fault):
    upstream.add_image("team/app", OLD, "v1")
    upstream.add_image("mirror/team/app", NEW, "v1")
    cache.rule()
    with older_check(cache, upstream, then=fault) as older:
        cache.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
        cache.rule(upstreamRepositoryPrefix="mirror")
    assert older.result().data == NEW.raw
    assert cache.pull(NAME, "v1") == NEW.raw


@pytest.mark.parametrize("fault", [None, answers(404)], ids=["answered", "unknown"])
def test_a_pull_ends_by_a_rule_that_is_deleted_meanwhile(cache, upstream, fault):
    upstream.add_image("team/app", OLD, "v1")
    cache.rule()
    with older_check(cache, upstream, then=fault) as older:
        cache.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    assert older.result().status_code == (404 if fault else 200)


@pytest.mark.usefixtures("cached")
def test_a_listing_of_referrers_is_not_older_than_a_refresh(cache, upstream):
    def signatures():
        answer = cache.get(f"/v2/{NAME}/referrers/{OLD.digest}")
        return [each["digest"] for each in answer.json["manifests"]]

    assert signatures() == []
    cache.advance(hours=25)
    with stalled(upstream, "/referrers/", lambda: Beside(signatures)) as older:
        upstream.add_image("team/app", SIGNED)
        cache.refresh(f"{NAME}:v1")
        later = beside(signatures)
    assert (older.result(), later.result(), signatures()) == ([], [SIGNED.digest], [SIGNED.digest])
