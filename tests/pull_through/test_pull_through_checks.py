"""Cached tags are checked once a day, updated if they moved, and served if the check fails."""

import pytest

from ecr_emulator.testing.upstream.faults import answers, corrupted, hang_up, with_headers
from ecr_emulator.testing.upstream.images import image, index, multi_arch
from tests.support.clock import FrozenClock
from tests.support.images import put_image
from tests.support.pull_through import running_cache

NAME = "quay/team/app"
OLD, NEW = image("old"), image("new")


@pytest.fixture
def moved(cache, upstream):
    """A tag that was pulled a day ago, and has moved upstream since."""
    upstream.add_image("team/app", OLD, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    upstream.add_image("team/app", NEW, "v1")
    cache.advance(hours=25)
    upstream.requests.clear()
    return cache


def asked(upstream):
    """Return the upstream requests in order, as (method, tag or digest)."""
    return [(request.method, request.path.rpartition("/")[2]) for request in upstream.requests]


@pytest.mark.consideration("S5", "S12a")
def test_a_warm_pull_asks_the_upstream_nothing_for_a_day_and_once_after_it(cache, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    before = len(upstream.requests)

    cache.advance(hours=23, minutes=59)
    cache.pull(NAME, "v1")
    assert len(upstream.requests) == before

    cache.advance(minutes=2)
    cache.pull(NAME, "v1")
    assert [(request.method, request.path) for request in upstream.requests[before:]] == [
        ("HEAD", "/v2/team/app/manifests/v1")
    ]

    cache.advance(hours=23)
    cache.pull(NAME, "v1")
    assert len(upstream.requests) == before + 1, "the check counts as a validation"


@pytest.mark.consideration("S12b")
def test_a_tag_that_moved_upstream_moves_with_the_pull_after_a_day(cache, upstream):
    old, new = image("old"), image("new")
    upstream.add_image("team/app", old, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()

    upstream.add_image("team/app", new, "v1")
    assert cache.pull(NAME, "v1") == old.raw
    cache.advance(hours=24)
    assert cache.pull(NAME, "v1") == new.raw
    cache.settle()
    assert cache.images(NAME) == {old.digest: [], new.digest: ["v1"]}


@pytest.mark.consideration("S13a", "S13c")
@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_a_failing_upstream_leaves_the_cached_image_served(cache, upstream, status):
    app = image()
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()

    cache.advance(hours=25)
    upstream.fail(lambda request: True, answers(status), count=99)
    assert cache.pull(NAME, "v1") == app.raw
    assert cache.events()[-1]["sync-status"] == "FAILED"
    assert cache.events()[-1]["failure-reason"]

    asked = len(upstream.requests)
    assert cache.pull(NAME, "v1") == app.raw
    assert len(upstream.requests) == asked, "a failed check is not repeated at once"

    upstream.heal()
    cache.advance(minutes=2)
    assert cache.pull(NAME, "v1") == app.raw
    assert len(upstream.requests) == asked + 1


@pytest.mark.consideration("S13a", "S27a")
def test_a_dead_upstream_leaves_the_cached_image_served(cache, upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    upstream.stop()
    cache.advance(days=3)
    assert cache.pull(NAME, "v1") == app.raw


@pytest.mark.consideration("S13b")
def test_a_deleted_rule_leaves_the_cached_image_served_without_checks(cache, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    cache.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    asked = len(upstream.requests)
    cache.advance(days=3)
    assert cache.pull(NAME, "v1") == app.raw
    assert len(upstream.requests) == asked


@pytest.mark.consideration("S16")
def test_a_pull_by_digest_works_and_is_never_checked_again(cache, upstream):
    app = image()
    upstream.add_image("team/app", app)
    cache.rule()
    assert cache.pull(NAME, app.digest) == app.raw
    cache.settle()
    asked = len(upstream.requests)
    cache.advance(days=30)
    assert cache.pull(NAME, app.digest) == app.raw
    assert len(upstream.requests) == asked
    assert cache.images(NAME) == {app.digest: []}


@pytest.mark.consideration("S26a")
def test_a_tag_that_is_immutable_here_stays_when_it_moves_upstream(cache, upstream):
    old, new = image("old"), image("new")
    upstream.add_image("team/app", old, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    cache.ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    upstream.add_image("team/app", new, "v1")
    cache.advance(hours=24)
    assert cache.pull(NAME, "v1") == old.raw
    event = cache.events()[-1]
    assert (event["sync-status"], event["failure-code"]) == ("FAILED", "ImageTagAlreadyExists")


# --- Updates -----------------------------------------------------------------------------------------------


@pytest.mark.consideration("S12b")
def test_the_old_image_of_a_moved_tag_stays_untagged_with_its_own_times(moved):
    before = moved.ecr.describe_images(repositoryName=NAME)["imageDetails"][0]
    moved.pull(NAME, "v1")
    moved.settle()
    after = {each["imageDigest"]: each for each in moved.ecr.describe_images(repositoryName=NAME)["imageDetails"]}
    assert after[OLD.digest]["imagePushedAt"] == before["imagePushedAt"]
    assert "imageTags" not in after[OLD.digest]
    assert after[NEW.digest]["imageTags"] == ["v1"]
    assert after[NEW.digest]["imagePushedAt"] > before["imagePushedAt"]


@pytest.mark.consideration("S12b")
def test_an_update_asks_once_what_the_tag_is_and_fetches_only_what_is_new(cache, upstream):
    kept, old, new = image("kept"), image("old"), image("new")
    upstream.add_image("team/app", index(kept, old), "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    update = index(kept, new)
    upstream.add_image("team/app", update, "v1")
    cache.advance(hours=25)
    upstream.requests.clear()
    cache.pull(NAME, "v1")
    cache.settle()
    assert asked(upstream)[:2] == [("HEAD", "v1"), ("GET", update.digest)]
    assert sorted(asked(upstream)[2:]) == sorted(
        ("GET", digest) for digest in (new.digest, *(blob.digest for blob in new.blobs))
    )


def test_a_tag_that_moves_to_an_image_that_is_here_costs_one_head(moved, upstream):
    upstream.add_image("team/app", NEW, "v2")
    moved.pull(NAME, "v2")
    moved.settle()
    upstream.requests.clear()
    assert moved.pull(NAME, "v1") == NEW.raw
    moved.settle()
    assert moved.images(NAME) == {OLD.digest: [], NEW.digest: ["v1", "v2"]}
    assert asked(upstream) == [("HEAD", "v1")]


@pytest.mark.parametrize("fault", [answers(405), with_headers(Docker_Content_Digest="")], ids=["405", "no digest"])
def test_a_check_uses_get_if_head_gives_no_digest(moved, upstream, fault):
    upstream.fail("HEAD /manifests/", fault, count=9)
    assert moved.pull(NAME, "v1") == NEW.raw
    assert asked(upstream)[:2] == [("HEAD", "v1"), ("GET", "v1")]


def test_a_tag_that_moves_between_two_requests_of_a_check_is_what_it_was_at_the_first(moved, upstream):
    newest = image("newest")

    def move_again(request, reply):
        upstream.add_image("team/app", newest, "v1")
        return reply

    upstream.fail("HEAD /manifests/", move_again)
    assert moved.pull(NAME, "v1") == NEW.raw
    moved.advance(hours=25)
    assert moved.pull(NAME, "v1") == newest.raw


@pytest.mark.consideration("S12c")
def test_a_tag_that_is_pulled_every_hour_is_checked_once_a_day(cache, upstream):
    upstream.add_image("team/app", OLD, "v1")
    cache.rule()
    cache.manifest(NAME, "v1")
    cache.settle()
    upstream.requests.clear()
    for _ in range(72):
        cache.advance(hours=1)
        cache.manifest(NAME, "v1")
    assert asked(upstream) == [("HEAD", "v1")] * 3


@pytest.mark.consideration("S12a")
def test_the_24_hours_go_on_over_a_restart(upstream, tmp_path):
    upstream.add_image("team/app", OLD, "v1")
    with running_cache(upstream, tmp_path / "state") as cache:
        cache.rule()
        cache.pull(NAME, "v1")
        cache.settle()
    upstream.requests.clear()
    with running_cache(upstream, tmp_path / "state") as cache:
        assert cache.pull(NAME, "v1") == OLD.raw
        assert asked(upstream) == []
        cache.advance(hours=24)
        cache.pull(NAME, "v1")
        assert asked(upstream) == [("HEAD", "v1")]


@pytest.mark.consideration("S12a")
def test_every_tag_has_24_hours_of_its_own(cache, upstream):
    upstream.add_image("team/app", OLD, "v1")
    upstream.add_image("team/app", OLD, "v2")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.advance(hours=12)
    cache.pull(NAME, "v2")
    cache.settle()
    upstream.requests.clear()
    cache.advance(hours=12, minutes=1)
    cache.pull(NAME, "v1")
    cache.pull(NAME, "v2")
    assert asked(upstream) == [("HEAD", "v1")]


# --- Failures ----------------------------------------------------------------------------------------------


@pytest.mark.consideration("S13a")
@pytest.mark.parametrize("fault", [corrupted(), hang_up(), answers(200, b"{}")], ids=["corrupt", "hang up", "nonsense"])
def test_an_update_that_does_not_arrive_whole_leaves_the_cached_image_served(moved, upstream, fault):
    upstream.fail("GET /manifests/", fault, count=99)
    assert moved.pull(NAME, "v1") == OLD.raw
    assert moved.images(NAME) == {OLD.digest: ["v1"]}
    event = moved.events()[-1]
    assert (event["sync-status"], event["failure-code"]) == ("FAILED", "UpstreamUnavailable")
    upstream.heal()
    moved.advance(minutes=2)
    assert moved.pull(NAME, "v1") == NEW.raw


@pytest.mark.consideration("S13a")
def test_a_tag_that_was_deleted_upstream_stays_here(moved, upstream):
    upstream.remove("team/app", "v1")
    assert moved.pull(NAME, "v1") == OLD.raw
    assert moved.images(NAME) == {OLD.digest: ["v1"]}
    assert moved.events()[-1]["failure-code"] == "ImageNotFound"


@pytest.mark.consideration("S13c")
@pytest.mark.parametrize("clock_class", [FrozenClock], ids=["frozen"])
def test_failed_checks_are_repeated_after_pauses_that_grow_to_an_hour(moved, upstream):
    upstream.fail("/manifests/", answers(403), count=9_999)
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        before = upstream.count("HEAD")
        moved.manifest(NAME, "v1")
        assert upstream.count("HEAD") == before + 1
        moved.advance(minutes=minutes, seconds=-1)
        moved.manifest(NAME, "v1")
        assert upstream.count("HEAD") == before + 1
        moved.advance(seconds=1)
    upstream.heal()
    assert moved.pull(NAME, "v1") == NEW.raw


@pytest.mark.consideration("S13b")
def test_a_rule_that_is_made_again_checks_again(moved, upstream):
    moved.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    assert moved.pull(NAME, "v1") == OLD.raw
    assert asked(upstream) == []
    moved.rule()
    assert moved.pull(NAME, "v1") == NEW.raw


# --- Immutable tags ----------------------------------------------------------------------------------------


def exclude(cache, mutability, pattern):
    cache.ecr.put_image_tag_mutability(
        repositoryName=NAME,
        imageTagMutability=mutability,
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": pattern}],
    )


@pytest.mark.consideration("S26c")
@pytest.mark.parametrize(
    ("mutability", "pattern", "is_updated"),
    [
        ("IMMUTABLE_WITH_EXCLUSION", "v*", True),
        ("IMMUTABLE_WITH_EXCLUSION", "latest", False),
        ("MUTABLE_WITH_EXCLUSION", "v*", False),
        ("MUTABLE_WITH_EXCLUSION", "latest", True),
    ],
)
def test_exclusion_filters_say_which_tags_follow_the_upstream(moved, mutability, pattern, is_updated):
    exclude(moved, mutability, pattern)
    assert moved.pull(NAME, "v1") == (NEW if is_updated else OLD).raw
    event = moved.events()[-1]
    assert event["sync-status"] == ("SUCCESS" if is_updated else "FAILED")
    assert event.get("failure-code") == (None if is_updated else "ImageTagAlreadyExists")


@pytest.mark.consideration("S26a")
def test_a_tag_follows_the_upstream_once_it_may(moved):
    moved.ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    assert moved.pull(NAME, "v1") == OLD.raw
    moved.ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="MUTABLE")
    moved.advance(minutes=2)
    assert moved.pull(NAME, "v1") == NEW.raw


def test_a_tag_that_was_pushed_over_the_upstreams_is_the_upstreams_again_after_the_check(moved):
    mine = image("mine")
    put_image(moved.ecr, NAME, mine, "v1")
    assert moved.pull(NAME, "v1") == NEW.raw
    moved.settle()
    assert moved.images(NAME)[mine.digest] == []
