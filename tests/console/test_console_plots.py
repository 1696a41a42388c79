"""The plots of the cache on the overview."""

import re
from datetime import timedelta

import pytest

from ecr_emulator.console.cache_plots import MOST_COLUMNS, cache_plots
from ecr_emulator.services.cache_history import CacheHistory
from tests.support.storage import NOW


@pytest.fixture
def time():
    """Return a list whose last entry is the time of the history."""
    return [NOW]


@pytest.fixture
def history(time):
    return CacheHistory(lambda: time[-1])


def tops_and_heights(svg):
    return [(float(top), float(height)) for top, height in re.findall(r'y="([\d.]+)" height="([\d.]+)"', svg)]


def test_without_pulls_there_are_no_plots(history, browser):
    assert cache_plots(history) is None
    assert "Pulls through the cache" not in browser.open().text


def test_bars_stack_the_outcomes_of_each_column(history):
    for outcome, times in {"hit": 6, "check": 3, "stale": 2, "miss": 1}.items():
        for _ in range(times):
            history.pulled("quay.io", outcome, 100, NOW)
    plots = cache_plots(history)
    assert tops_and_heights(plots.pulls) == [(48.0, 48.0), (24.0, 24.0), (8.0, 16.0), (0.0, 8.0)]
    assert "hits 6, checks 3, stale answers 2, misses 1" in plots.pulls


def test_columns_of_quiet_times_stay_empty_and_are_not_too_many(history):
    history.pulled("quay.io", "hit", 1, NOW)
    history.pulled("quay.io", "hit", 1, NOW + timedelta(days=30))
    svg = str(cache_plots(history).pulls)
    assert len(tops_and_heights(svg)) == 2
    lefts = [float(left) for left in re.findall(r'<svg x="([\d.]+)%', svg)]
    assert lefts[0] == 0
    assert 90 < lefts[1] < 100
    assert len(history.columns(MOST_COLUMNS)) <= MOST_COLUMNS


def test_bytes_saved_are_added_up_and_may_be_negative(history, time):
    history.received("quay.io", 5_000)
    assert "-5.00 kB at" in cache_plots(history).saved
    time.append(NOW + timedelta(hours=1))
    for _ in range(4):
        history.pulled("quay.io", "hit", 5_000, time[-1])
    plots = cache_plots(history)
    assert "added up: 15.0 kB at" in plots.saved
    rows = [
        float(row) for row in re.findall(r"L[\d.]+,([\d.]+)", re.search(r'class="area" d="([^"]+)"', plots.saved)[1])
    ]
    assert (max(rows), min(rows)) == (100.0, 0.0)


def test_the_overview_shows_them_with_their_totals(browser, emulator):
    emulator.cache_history.pulled("quay.io", "hit", 2_000, emulator.clock.now())
    page = browser.open()
    assert "hits 1 checks 0 stale answers 0 misses 0" in page.text
    assert "2.00 kB saved from upstreams 2.00 kB sent to clients, 0 B received in 0 requests" in page.text
    assert page.html.count('class="picture" role="img"') == 2
