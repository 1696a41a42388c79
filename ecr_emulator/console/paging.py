"""The pages of a list, and the links between them.

The address of a page has the place after which the page begins, preceded by the places of the pages before it: the link
to the previous page leads to what the user has seen, and no list has to be read backwards.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

from flask import request, url_for

LONGEST_ADDRESS = 4_000
"""Bytes of HTML that the places in an address may take. The oldest are left out; before them there is no way back."""
LEFT_OUT = ""
"""Stands in an address for places that were left out."""


class Pages(NamedTuple):
    """The addresses of other pages of a list. ``first`` and ``previous`` are None on the first one.

    ``next`` is None on the last one, and ``previous`` also where the address no longer has the place of that page.
    """

    first: str | None
    previous: str | None
    next: str | None

    @property
    def is_first(self) -> bool:
        """Whether this is the first page."""
        return self.first is None


def asked_place() -> str:
    """Return the place after which the page begins, as its address has it; empty for the first page."""
    places = request.args.getlist("after")
    return places[-1] if places else ""


def pages_of_list(endpoint: str, next_place: object | None, **query: Any) -> Pages:
    """Return the addresses around the current page of a list.

    ``next_place`` is the place after which the next page begins, or None. ``query`` is what the list is filtered by.
    """
    places = request.args.getlist("after")

    def address(after: list[str]) -> str:
        return url_for(endpoint, **query, after=_shortened(after))

    return Pages(
        first=address([]) if places else None,
        previous=address(places[:-1]) if places and places[-2:-1] != [LEFT_OUT] else None,
        next=None if next_place is None else address([*places, str(next_place)]),
    )


def _shortened(places: list[str]) -> list[str]:
    """Return the last places, as many as an address takes."""
    left = LONGEST_ADDRESS
    for index in range(len(places) - 1, -1, -1):
        left -= len(f"&amp;after={quote(places[index])}")
        if left < 0:
            return [LEFT_OUT, *places[index + 1 :]]
    return places
