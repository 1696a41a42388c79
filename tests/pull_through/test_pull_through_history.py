"""The history of the cache: pulls, and what they cost upstream, over the emulator's time."""

from datetime import timedelta

import pytest

from ecr_emulator.domain.cache_use import CHECK, HIT, MISS, STALE
from ecr_emulator.services.cache_history import MOST_UPSTREAMS, OTHER, CacheHistory
from ecr_emulator.testing.upstream.faults import answers
from ecr_emulator.testing.upstream.images import image
from tests.support.admin_api import ClosingClient
from tests.support.clock import FrozenClock

NAME = "quay/team/app"
APP = image("app")
SECOND, HOUR, DAY, YEAR = (timedelta(seconds=number) for number in (1, 3_600, 86_400, 31_536_000))


@pytest.fixture
def clock():
    return FrozenClock()


@pytest.fixture
def history(clock):
    return CacheHistory(clock.now, most=5)


@pytest.fixture
def pulled(history, clock):
    """Count pulls, each some time after the one before."""

    def pull(*pauses, outcome=HIT, upstream="quay.io"):
        for pause in pauses:
            clock.advance(pause)
            history.pulled(upstream, outcome, 100, clock.now())

    return pull


@pytest.fixture
def seen(cache, upstream):
    """Return what the history of an emulator counts, by column: the pulls that are not 0."""
    cache.http = ClosingClient(cache.emulator.wsgi)
    upstream.add_image("team/app", APP, "v1")
    cache.rule()

    def pulls():
        columns = cache.emulator.cache_history.columns(1_000)
        found = [{name: number for name, number in each.totals.pulls.items() if number} for each in columns]
        return [each for each in found if each]

    return pulls


def test_each_pull_counts_at_its_time(cache, upstream, seen):
    cache.manifest(NAME, "v1")
    cache.settle()
    token = cache.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    for _ in range(4):  # remembered answers count as well
        cache.http.get(f"/v2/{NAME}/manifests/v1", headers={"Authorization": f"Basic {token}"})
    cache.advance(hours=25)
    cache.manifest(NAME, "v1")
    upstream.fail("/manifests/v1", answers(503), count=99)
    cache.advance(hours=25)
    cache.manifest(NAME, "v1")
    assert cache.emulator.remembered_answers.given > 0
    assert seen() == [{MISS: 1, HIT: 4}, {CHECK: 1}, {STALE: 1}]


def test_bytes_for_clients_and_from_upstreams_are_counted(cache, upstream, seen):
    cache.pull(NAME, "v1")
    cache.settle()
    once = cache.emulator.cache_history.totals()
    assert once.requests == len(upstream.requests)
    assert once.received >= once.sent > len(APP.raw)
    cache.pull(NAME, "v1")
    twice = cache.emulator.cache_history.totals("quay.io")
    assert (twice.received, twice.sent) == (once.received, 2 * once.sent)
    assert cache.emulator.cache_history.totals("ghcr.io").number == 0


def test_an_error_is_no_pulled_byte(cache, upstream, seen):
    upstream.fail("/manifests/", answers(503), count=99)
    refused = cache.manifest(NAME, "v1")
    totals = cache.emulator.cache_history.totals("quay.io")
    assert (refused.status_code >= 400, len(refused.data) > 0) == (True, True)
    assert (totals.pulls[MISS], totals.sent) == (1, 0)


def test_a_reset_clears_the_history(cache, seen):
    cache.manifest(NAME, "v1")
    assert cache.http.post("/_ecr/reset", json={}).status_code == 200
    assert seen() == []


def test_a_restored_snapshot_brings_back_its_history(cache, seen):
    cache.manifest(NAME, "v1")
    cache.settle()
    snapshot = cache.emulator.snapshots.take()
    cache.advance(hours=25)
    cache.manifest(NAME, "v1")
    cache.settle()
    assert seen() == [{MISS: 1}, {CHECK: 1}]
    for _ in range(2):
        cache.emulator.snapshots.restore(snapshot)
        assert seen() == [{MISS: 1}]
        cache.manifest(NAME, "v1")
    assert sum(each.get(HIT, 0) for each in seen()) == 1


def test_what_a_repository_costs_its_upstream_is_known(cache, upstream, seen):
    cache.pull(NAME, "v1")
    cache.settle()
    with cache.emulator.services.store.reading() as work:
        (rule,) = work.rules.all(cache.registry)
    cost = cache.emulator.services.upstreams.cost(rule, "team/app")
    assert cost.requests == len(upstream.asked(None, "/v2/team/app/"))
    assert cost.received >= len(APP.raw) + len(APP.config.raw)
    assert cache.emulator.services.upstreams.cost(rule, "team/other").requests == 0
    assert cache.http.post("/_ecr/reset", json={}).status_code == 200
    assert cache.emulator.services.upstreams.cost(rule, "team/app").requests == 0


def test_columns_have_equal_lengths_and_no_gaps(history, pulled):
    pulled(SECOND, SECOND, 40 * SECOND)
    columns = history.columns(100)
    assert [each.totals.number for each in columns] == [2, 0, 0, 0, 1]
    assert {each.end - each.begin for each in columns} == {10 * SECOND}
    assert [each.end for each in columns][:-1] == [each.begin for each in columns][1:]
    assert [each.totals.number for each in history.columns(2)] == [3]


@pytest.mark.parametrize("pause", [SECOND, 20 * SECOND, HOUR, 5 * DAY, 3 * YEAR])
def test_no_time_makes_the_history_grow_without_end(history, pulled, pause):
    pulled(*[pause] * 200)
    assert history.totals().number == 200
    assert len(history.snapshot()[1]) <= 5
    columns = history.columns(60)
    assert 1 <= len(columns) <= 60
    assert sum(each.totals.number for each in columns) == 200


def test_a_long_move_of_the_clock_does_not_blur_the_time_before(history, pulled):
    pulled(SECOND, 10 * SECOND, YEAR)
    assert len(history.snapshot()[1]) == 3


def test_pulls_after_the_clock_was_set_back_count_in_earlier_periods(history, pulled):
    pulled(HOUR, HOUR, outcome=MISS)
    pulled(-HOUR, outcome=CHECK)
    totals = [each.totals for each in history.columns(1_000) if each.totals.number]
    assert [(each.pulls[MISS], each.pulls[CHECK]) for each in totals] == [(1, 1), (1, 0)]


def test_further_upstreams_are_counted_together(history, pulled):
    for number in range(MOST_UPSTREAMS + 3):
        pulled(timedelta(), upstream=f"registry{number}.example")
    assert history.totals(OTHER).number == 3
    assert history.totals("registry0.example").number == 1
    pulled(*[DAY] * 6, upstream="new.example")
    assert history.totals().number == MOST_UPSTREAMS + 9


def test_an_empty_history_has_no_columns(history):
    assert history.columns(60) == []
    assert history.totals().saved == 0


def test_the_bytes_saved_are_those_that_no_upstream_sent(history, pulled):
    history.received("quay.io", 150)
    pulled(SECOND)
    assert history.totals().saved == -50
    pulled(SECOND, SECOND)
    assert history.totals().saved == 150
