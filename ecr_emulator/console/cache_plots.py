"""The plots of the pull through cache over the emulator's time: pulls by what the cache did, and bytes saved."""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

from markupsafe import Markup

from ecr_emulator.console.svg import area_plot, bar_plot
from ecr_emulator.console.text_filters import instant, number, size
from ecr_emulator.domain.cache_use import CHECK, HIT, MISS, STALE
from ecr_emulator.services.cache_history import CacheHistory, CacheTotals, Column

MOST_COLUMNS = 60
WORDS = {HIT: "hits", CHECK: "checks", STALE: "stale answers", MISS: "misses"}
"""The outcomes in the order in which they are stacked, from below."""


class CachePlots(NamedTuple):
    """The plots, with the totals of the time that they show and its first and last column."""

    pulls: Markup
    saved: Markup
    totals: CacheTotals
    first: Column
    last: Column


def cache_plots(history: CacheHistory, upstream: str | None = None) -> CachePlots | None:
    """Return the plots of a history, of one upstream or of all; None if it has no counts."""
    columns = history.columns(MOST_COLUMNS, upstream)
    if not columns:
        return None
    return CachePlots(_pulls(columns), _saved(columns), history.totals(upstream), columns[0], columns[-1])


def _pulls(columns: list[Column]) -> Markup:
    stacks = [[column.totals.pulls[outcome] for outcome in WORDS] for column in columns]
    titles = [f"{_time(column)}: {_pulls_in_words(column.totals)}" for column in columns]
    description = (
        f"From {instant(columns[0].begin)} to {instant(columns[-1].end)} UTC: {_pulls_in_words(_sum(columns))}."
    )
    return bar_plot("pulls", "Pulls through the cache", description, stacks, titles)


def _saved(columns: list[Column]) -> Markup:
    levels = list(accumulate(column.totals.saved for column in columns))
    description = (
        f"Bytes that clients got without an upstream sending them, added up: {_signed(levels[-1])} "
        f"at {instant(columns[-1].end)} UTC."
    )
    return area_plot("saved", "Bytes saved from upstreams", description, levels)


def _pulls_in_words(totals: CacheTotals) -> str:
    return ", ".join(f"{words} {number(totals.pulls[outcome])}" for outcome, words in WORDS.items())


def _sum(columns: list[Column]) -> CacheTotals:
    totals = CacheTotals()
    for column in columns:
        totals.add(column.totals)
    return totals


def _time(column: Column) -> str:
    return f"{instant(column.begin)} to {instant(column.end)}"


def _signed(value: int) -> str:
    return f"-{size(-value)}" if value < 0 else size(value)
