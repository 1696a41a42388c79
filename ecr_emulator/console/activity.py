"""The activity of a registry: its events as they come, with filters."""

from __future__ import annotations

from typing import NamedTuple

from flask import request
from flask.typing import ResponseReturnValue
from werkzeug import Response

from ecr_emulator.console.event_sentences import EventSentence, event_sentence
from ecr_emulator.console.pages import ConsoleRequest, Section, page
from ecr_emulator.console.paging import asked_place, pages_of_list
from ecr_emulator.domain.events import DETAIL_TYPES, Event
from ecr_emulator.domain.names import is_digest

SECTION = Section("Activity", "console.activity")
PER_PAGE = 50
BATCH = 250
"""Number of events that are read at a time."""
MOST_READ = 1_000
"""Number of events after which a page ends, even if the filter admits few of them."""
LAST_KEY = 2**63 - 1


class EventFilter(NamedTuple):
    """The events that a page shows: of one detail type, of repositories with a text in their name, or failures only."""

    detail_type: str = ""
    repository: str = ""
    failed: bool = False

    def admits(self, event: Event, sentence: EventSentence) -> bool:
        """Return whether the page shows an event."""
        if self.detail_type and event.detail_type != self.detail_type:
            return False
        if self.failed and not (sentence.failure or "FAILED" in event.detail.values()):
            return False
        return self.repository in sentence.repository


class EventRow(NamedTuple):
    """An event with its sentence. ``has_image`` says that it names an image by its digest."""

    event: Event
    sentence: EventSentence
    has_image: bool


@page("/activity")
def activity(console: ConsoleRequest) -> ResponseReturnValue:
    """Show the newest events, or those before the one that the query names."""
    wanted = EventFilter(
        request.args.get("type", ""), request.args.get("repository", "").strip(), "failed" in request.args
    )
    before = _key(asked_place())
    rows, next_key = _rows(console, wanted, LAST_KEY if before is None else before)
    query = {
        "type": wanted.detail_type or None,
        "repository": wanted.repository or None,
        "failed": "yes" if wanted.failed else None,
    }
    return console.render(
        "activity.html",
        rows=rows,
        wanted=wanted,
        detail_types=DETAIL_TYPES,
        pages=pages_of_list("console.activity", next_key, **query),
    )


@page("/activity/stream")
def activity_stream(console: ConsoleRequest) -> Response:
    """Send the events from now on to a page that follows them. They are those of all registries."""
    with console.services.store.reading() as work:
        newest = work.events.newest_key()
    return console.parts.events.follow(newest, request.environ["SERVER_PROTOCOL"])


def _rows(console: ConsoleRequest, wanted: EventFilter, before: int) -> tuple[list[EventRow], int | None]:
    """Return the rows of a page, and the key before which the next one begins, or None."""
    rows: list[EventRow] = []
    for _ in range(MOST_READ // BATCH):
        with console.services.store.reading() as work:
            batch = work.events.before(console.registry, before, BATCH)
        for event in batch:
            sentence = event_sentence(event)
            if wanted.admits(event, sentence):
                if len(rows) == PER_PAGE:
                    return rows, rows[-1].event.key
                rows.append(EventRow(event, sentence, is_digest(sentence.digest)))
            before = event.key
        if len(batch) < BATCH:
            return rows, None
    return rows, before


def _key(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
