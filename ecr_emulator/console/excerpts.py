"""Excerpts of lists that others have written and that may be of any length, so that no page grows without limit."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from markupsafe import escape

from ecr_emulator.domain.printable_text import one_line

Row = TypeVar("Row")
LONGEST_TEXT = 400
"""Maximum number of characters of one text."""
LONGEST_ESCAPE = 5
"""Maximum number of bytes of HTML for a character of a text, as that of a quotation mark."""


class Excerpt(NamedTuple, Generic[Row]):
    """The first rows of a list, and the number of the others."""

    rows: list[Row]
    omitted: int


def excerpt(rows: Iterable[tuple[str, ...]], most: int = 100, budget: int = 8_000) -> Excerpt[tuple[str, ...]]:
    """Return the first rows, at most ``most`` and as many as fit into ``budget`` characters of HTML.

    Long texts are shortened.
    """
    given = list(rows)
    kept: list[tuple[str, ...]] = []
    for row in given[:most]:
        shortened = tuple(shorten(text) for text in row)
        budget -= sum(len(escape(text)) for text in shortened)
        if budget < 0:
            break
        kept.append(shortened)
    return Excerpt(kept, len(given) - len(kept))


def clip(text: str, most: int = LONGEST_TEXT) -> str:
    """Return a text, cut off where it would need more than ``most`` bytes of HTML."""
    if len(text) * LONGEST_ESCAPE <= most or _bytes(text) <= most:
        return text
    length = bisect_right(range(1, min(len(text), most) + 1), most, key=lambda length: _bytes(text[:length]))
    return f"{text[:length]}…"


def _bytes(text: str) -> int:
    return len(escape(text).encode(errors="replace"))


def shorten(text: str, most: int = LONGEST_TEXT) -> str:
    """Return a text without control characters, cut off after some characters if it is longer."""
    return one_line(text if len(text) <= most else f"{text[:most]}…")
