"""``/_ecr/events``: the events that ECR sends to EventBridge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ecr_emulator.ports.store import Store

EVENTS_PER_PAGE = 1_000
LAST_KEY = 2**63 - 1
"""The greatest integer of the database."""
NOW = "now"
"""The value of ``after`` that stands for the newest event."""


class EventsAdmin:
    """The views of the log of events."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def events(self, given: Mapping[str, Any]) -> ResponseReturnValue:
        """Return the events after the one with the key ``?after=``, oldest first, with the key of the last one.

        ``missed`` is the number of events after that key that have been removed.
        """
        after = _key(given.get("after", "0"))
        with self._store.reading() as work:
            newest = work.events.newest_key()
            after = newest if after is None else after
            found = work.events.after(after, EVENTS_PER_PAGE)
        next_key = found[0].key if found else newest + 1
        last = found[-1].key if found else max(after, newest)
        missed = max(0, next_key - after - 1)
        return jsonify(events=[event.envelope() for event in found], last=last, missed=missed)


def _key(after: str) -> int | None:
    """Return the key that a request names; None for the newest one. Raises ``BadRequest``."""
    if after == NOW:
        return None
    if after.isascii() and after.isdecimal() and len(after) < 20 and int(after) <= LAST_KEY:
        return int(after)
    raise BadRequest(f"after={_shortened(after)!r} must be the key of an event, a number up to {LAST_KEY}, or {NOW}")


def _shortened(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:100]}…"
