"""``/_ecr/events``: the events that ECR sends to EventBridge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ecr_emulator.admin.event_stream import EventStreams
from ecr_emulator.ports.store import Store

EVENTS_PER_PAGE = 1_000
LAST_KEY = 2**63 - 1
"""The greatest integer of the database."""
LAST_EVENT_ID = "Last-Event-ID"
NOW = "now"
"""The value of ``after`` that stands for the newest event."""


class EventsAdmin:
    """The view of the log of events, as a page or as a stream."""

    def __init__(self, store: Store, streams: EventStreams) -> None:
        self._store = store
        self._streams = streams

    def show(self, given: Mapping[str, Any]) -> ResponseReturnValue:
        """Return the events after the one with the key ``?after=``, oldest first; with ``?follow``, as a stream."""
        if "follow" not in given:
            return self._page(_key("after", given.get("after", "0")))
        if given["follow"] not in ("", "true"):
            raise BadRequest(f"follow={_shortened(given['follow'])!r} must have no value, or the value true")
        last_id = request.headers.get(LAST_EVENT_ID)
        after = _key(LAST_EVENT_ID, last_id) if last_id else _key("after", given.get("after", "0"))
        return self._streams.follow(self._newest() if after is None else after, request.environ["SERVER_PROTOCOL"])

    def _newest(self) -> int:
        with self._store.reading() as work:
            return work.events.newest_key()

    def _page(self, after: int | None) -> ResponseReturnValue:
        """Return events with the key of the last one, and the number of removed events after the given key."""
        with self._store.reading() as work:
            newest = work.events.newest_key()
            after = newest if after is None else after
            found = work.events.after(after, EVENTS_PER_PAGE)
        next_key = found[0].key if found else newest + 1
        last = found[-1].key if found else max(after, newest)
        missed = max(0, next_key - after - 1)
        return jsonify(events=[event.envelope() for event in found], last=last, missed=missed)


def _key(name: str, given: str) -> int | None:
    """Return the key that a request names; None for the newest one. Raises ``BadRequest``."""
    if given == NOW:
        return None
    if given.isascii() and given.isdecimal() and len(given) < 20 and int(given) <= LAST_KEY:
        return int(given)
    raise BadRequest(f"{name}={_shortened(given)!r} must be the key of an event, a number up to {LAST_KEY}, or {NOW}")


def _shortened(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:100]}…"
