"""The timeline of a lifecycle policy: the days on which it acts on images, as a plot and as a list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from markupsafe import Markup

from ecr_emulator.console.svg import COLOURS, bar_plot
from ecr_emulator.console.text_filters import instant, number
from ecr_emulator.domain.lifecycle_forecast import Forecast, ForecastAction
from ecr_emulator.domain.lifecycle_policy import EXPIRE

COLUMNS = 60
MOST_IMAGES = 3
"""Maximum number of images that are shown of an evaluation."""


class TimelineEvaluation(NamedTuple):
    """An evaluation that acts on images: the first of them, the number of the others, and the numbers by action."""

    at: datetime
    images: Sequence[ForecastAction]
    more: int
    expired: int
    archived: int


class Timeline(NamedTuple):
    """The evaluations with their plot. ``rules`` are the priorities of the rules that act, in order of their colours.

    Unless it ``is_complete``, more evaluations follow.
    """

    evaluations: list[TimelineEvaluation]
    plot: Markup
    rules: list[int]
    last: datetime
    is_complete: bool


def timeline(told: Forecast, now: datetime) -> Timeline:
    """Return the timeline of a forecast from now on."""
    evaluations = [_evaluation(at, list(actions)) for at, actions in groupby(told.actions, lambda action: action.at)]
    rules = sorted({action.rule.priority for action in told.actions})
    last = evaluations[-1].at if evaluations else now
    return Timeline(evaluations, _plot(told, now, last, rules), rules, last, told.is_complete)


def _evaluation(at: datetime, actions: list[ForecastAction]) -> TimelineEvaluation:
    expired = sum(action.rule.action == EXPIRE for action in actions)
    return TimelineEvaluation(
        at, actions[:MOST_IMAGES], max(0, len(actions) - MOST_IMAGES), expired, len(actions) - expired
    )


def _plot(told: Forecast, now: datetime, last: datetime, rules: list[int]) -> Markup:
    """Return a plot of the time from now to the last evaluation, whose bars are numbers of images by rule."""
    width = max((last - now) / COLUMNS, timedelta(milliseconds=1))
    stacks = [[0] * min(len(rules), COLOURS) or [0] for _ in range(COLUMNS)]
    for action in told.actions:
        place = min(int((action.at - now) / width), COLUMNS - 1)
        stacks[place][min(rules.index(action.rule.priority), COLOURS - 1)] += 1
    titles = [f"{instant(now + place * width)} UTC: {number(sum(stack))} images" for place, stack in enumerate(stacks)]
    total = number(len(told.actions))
    description = f"{total} images from {instant(now)} to {instant(last)} UTC, by the time of the evaluation."
    return bar_plot("timeline", "Images on which the policy will act", description, stacks, titles)
