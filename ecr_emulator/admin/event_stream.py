"""``/_ecr/events?follow``: events as server-sent events, as soon as they are committed.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from threading import Lock

from werkzeug import Response
from werkzeug.exceptions import HTTPVersionNotSupported, ServiceUnavailable

from ecr_emulator.domain.events import Event
from ecr_emulator.ports.store import Store
from ecr_emulator.services.event_feed import EventFeed

EVENT_STREAM = "text/event-stream"
EVENTS_PER_READ = 100
MOST_STREAMS = 64
"""Maximum number of streams. Each takes a thread of the server, so that they also get at most a quarter of these."""
KEEP_ALIVE = 15.0
"""Seconds without an event after which a comment is sent. It shows whether the client is still there."""
HTTP_1_0 = ("HTTP/1", "HTTP/1.0")
"""Granian's and other servers' names of this version."""
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventStreams:
    """Streams of events to a bounded number of clients of a server with this number of threads."""

    def __init__(self, store: Store, feed: EventFeed, threads: int) -> None:
        self._store = store
        self._feed = feed
        self._threads = threads
        self._limit = min(MOST_STREAMS, threads // 4)
        self._lock = Lock()
        self._open = 0
        self._is_closed = False

    def follow(self, after: int, protocol: str) -> Response:
        """Return an answer with the events after a key, which goes on until the client leaves or the server stops.

        Raises ``ServiceUnavailable`` if there are too many streams already, or if the server is about to stop, and
        ``HTTPVersionNotSupported`` if the ``protocol`` of the request is HTTP/1.0, in which a server may have to send a
        body in one piece.
        """
        if protocol in HTTP_1_0:
            raise HTTPVersionNotSupported("A stream of events needs HTTP/1.1")
        self._begin()
        response = Response(self._parts(after), content_type=EVENT_STREAM, headers=HEADERS)
        response.call_on_close(self._end)
        return response

    def close(self) -> None:
        """End all streams."""
        self._is_closed = True
        self._feed.wake()

    def _begin(self) -> None:
        if self._is_closed:
            raise ServiceUnavailable("The emulator is about to stop")
        with self._lock:
            if self._open >= self._limit:
                raise ServiceUnavailable(
                    f"{self._open} clients follow the events already, the maximum with --threads {self._threads}. "
                    "GET /_ecr/events?after=… returns the events that are there"
                )
            self._open += 1

    def _end(self) -> None:
        with self._lock:
            self._open -= 1

    def _parts(self, after: int) -> Iterator[str]:
        yield ": events follow\n\n"
        while not self._is_closed:
            with self._store.reading() as work:
                found = work.events.after(after, EVENTS_PER_READ)
            if found:
                yield from _messages(found, after)
                after = found[-1].key
            elif not self._feed.wait(after, KEEP_ALIVE, lambda: self._is_closed) and not self._is_closed:
                yield ": keep-alive\n\n"


def _messages(events: list[Event], after: int) -> Iterator[str]:
    """Yield the messages for some events, after one for the number of removed events if there are any."""
    missed = events[0].key - after - 1
    if missed:
        yield f"event: missed\ndata: {json.dumps({'missed': missed})}\n\n"
    for event in events:
        yield f"id: {event.key}\ndata: {json.dumps(event.envelope())}\n\n"
