"""Pictures as SVG, made on the server.

Lengths along the horizontal axis are percentages of the width, so that a picture fits into any window and its text
keeps its size. Colours are classes of the stylesheet. A picture has a title and a description for screen readers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from markupsafe import Markup, escape

COLOURS = 8
"""Number of colours for parts of pictures: the classes ``part-1`` to ``part-8``."""
PLOT_HEIGHT = 96
"""Height of plots in pixels."""
LEAST_WIDTH = 0.6
"""Least width of a part in percent, so that a small part can be seen."""


class Part(NamedTuple):
    """A rectangle of a picture: its row, its left edge and width in percent, its label, title and class."""

    row: int
    left: float
    width: float
    label: str
    title: str
    look: str


def parts_picture(name: str, title: str, description: str, parts: Iterable[Part], row_height: int = 26) -> Markup:
    """Return a picture of rows of rectangles, like an icicle diagram. ``name`` is unique on the page."""
    drawn = list(parts)
    height = (max((part.row for part in drawn), default=0) + 1) * (row_height + 2)
    inside = Markup("").join(_drawn(part, row_height) for part in drawn)
    return picture(name, title, description, height, inside)


def picture(name: str, title: str, description: str, height: int, inside: Markup) -> Markup:
    """Return a picture with its text alternatives."""
    return Markup(
        '<svg class="picture" role="img" width="100%" height="{height}" aria-labelledby="{name}-title {name}-about">'
        '<title id="{name}-title">{title}</title><desc id="{name}-about">{description}</desc>{inside}</svg>'
    ).format(name=name, title=title, description=description, height=height, inside=inside)


def _drawn(part: Part, row_height: int) -> Markup:
    box = Markup('<svg x="{left:.2f}%" y="{top}" width="{width:.2f}%" height="{height}">').format(
        left=part.left, top=part.row * (row_height + 2), width=max(part.width, LEAST_WIDTH), height=row_height
    )
    text = Markup('<text x="6" y="{y}">{label}</text>').format(y=row_height - 9, label=part.label) if part.label else ""
    return box + Markup('<title>{title}</title><rect class="{look}" width="100%" height="100%"/>{text}</svg>').format(
        title=part.title, look=part.look, text=escape(text)
    )


def bar_plot(name: str, title: str, description: str, stacks: list[list[int]], titles: list[str]) -> Markup:
    """Return a plot of stacked bars, one for each list of numbers. The classes are ``part-1``, ``part-2`` and so on."""
    highest = max(map(sum, stacks)) or 1
    width = 100 / len(stacks)
    bars = (_stack(stack, titles[place], place * width, width, highest) for place, stack in enumerate(stacks))
    return picture(name, title, description, PLOT_HEIGHT, Markup("").join(bars))


def _stack(stack: list[int], title: str, left: float, width: float, highest: int) -> Markup:
    rectangles, below = [], 0.0
    for look, value in enumerate(stack, start=1):
        height = PLOT_HEIGHT * value / highest
        if value:
            rectangles.append(
                Markup('<rect class="part-{look}" x="8%" width="84%" y="{top:.1f}" height="{height:.1f}"/>').format(
                    look=look, top=PLOT_HEIGHT - below - height, height=max(height, 1)
                )
            )
        below += height
    if not rectangles:
        return Markup("")
    return Markup(
        '<svg x="{left:.2f}%" width="{width:.2f}%" height="{height}"><title>{title}</title>{bars}</svg>'
    ).format(left=left, width=width, height=PLOT_HEIGHT, title=title, bars=Markup("").join(rectangles))


def area_plot(name: str, title: str, description: str, levels: list[int]) -> Markup:
    """Return a plot of one value over time as an area above or below the line of zero."""
    highest, lowest = max(0, *levels), min(0, *levels)
    span = highest - lowest or 1
    rows = [100 * (highest - level) / span for level in levels]
    zero = 100 * highest / span
    step = 100 / len(levels)
    steps = " ".join(
        f"L{place * step:.2f},{row:.2f} L{(place + 1) * step:.2f},{row:.2f}" for place, row in enumerate(rows)
    )
    inside = Markup(
        '<svg width="100%" height="100%" viewBox="0 0 100 100" preserveAspectRatio="none">'
        '<path class="area" d="M0,{zero:.2f} {steps} L100,{zero:.2f} Z"/>'
        '<path class="zero" d="M0,{zero:.2f} L100,{zero:.2f}"/></svg>'
    ).format(zero=zero, steps=steps)
    return picture(name, title, description, PLOT_HEIGHT // 2, inside)
