"""Remembered answers do not keep a cached tag longer than a validation does."""

import pytest

from ecr_emulator.testing.upstream.faults import answers
from ecr_emulator.testing.upstream.images import image
from tests.support.clock import FrozenClock
from tests.support.pull_through import running_cache

NAME = "quay/team/app"
PATH = f"/v2/{NAME}/manifests/v1"
OLD, NEW = image("old"), image("new")


@pytest.fixture
def cache(upstream):
    """A cached tag that has moved upstream, half a minute before its check. Nobody logs in."""
    with running_cache(upstream, clock=FrozenClock(), registry_auth="open") as cache:
        upstream.add_image("team/app", OLD, "v1")
        cache.rule()
        cache.advance(minutes=5)  # what is due some days after the start is not due when the check is
        get(cache)
        cache.settle()
        upstream.add_image("team/app", NEW, "v1")
        cache.advance(hours=23, minutes=59, seconds=30)
        remember(cache)
        yield cache


def get(cache):
    return cache.http.get(PATH).data


def remember(cache):
    """Pull until the answer is a remembered one."""
    for _ in range(3):
        before = cache.emulator.remembered_answers.given
        get(cache)
        if cache.emulator.remembered_answers.given > before:
            return
    raise AssertionError("the answer is not remembered")


def test_the_first_pull_after_a_day_checks_the_tag(cache):
    cache.advance(seconds=29)
    assert get(cache) == OLD.raw
    cache.advance(seconds=1)
    assert get(cache) == NEW.raw


def test_a_refresh_is_seen_at_once(cache):
    assert cache.refresh(f"{NAME}:v1").status_code == 200
    assert get(cache) == NEW.raw


def test_after_a_failed_check_the_tag_is_checked_again_in_a_minute(cache, upstream):
    cache.advance(seconds=30)
    upstream.fail(lambda request: True, answers(403), count=99)
    assert get(cache) == OLD.raw
    remember(cache)
    asked = len(upstream.requests)
    upstream.heal()
    cache.advance(seconds=59)
    assert get(cache) == OLD.raw
    assert len(upstream.requests) == asked
    cache.advance(seconds=1)
    assert get(cache) == NEW.raw


def test_a_new_rule_is_asked_at_once(cache):
    cache.advance(days=2)
    cache.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    remember(cache)
    assert get(cache) == OLD.raw
    cache.rule()
    assert get(cache) == NEW.raw
