"""The thread that delivers events, in the order of their commits."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from threading import Condition, Thread

from ecr_emulator.companions.app import Companions
from ecr_emulator.domain.events import Event
from ecr_emulator.services.event_feed import NO_EVENT, EventFeed

log = logging.getLogger(__name__)

MOST_WAITING = 10_000
"""Maximum number of events that wait for their delivery; the oldest are dropped first."""
PATIENCE = 2.0
"""Seconds that a call of a companion waits for the delivery of earlier events."""


class EventBridge:
    """Delivers events to the default bus of their account and Region.

    Nothing happens until a client has used a companion and a rule exists. Then a thread delivers each event after its
    commit. A call of a companion waits for the delivery of the events that were committed before it, so that a client
    that pushes an image finds the message in its queue.
    """

    def __init__(self, companions: Companions, feed: EventFeed) -> None:
        self._companions = companions
        self._feed = feed
        self._waiting: deque[Event] = deque()
        self._changed = Condition()
        self._thread: Thread | None = None
        self._delivered = 0
        self._given_up: int | None = None
        self._is_closed = False
        companions.before_each_call(lambda *_: self._wait_for_delivery())

    def note(self, events: Sequence[Event]) -> None:
        """Deliver the events of a commit soon, if there are rules. Neither blocks nor raises."""
        if not self._companions.is_loaded or self._is_closed or not self._has_rules():
            return
        with self._changed:
            if len(self._waiting) + len(events) > MOST_WAITING:
                log.warning("EventBridge: %d events wait for their delivery; the oldest are dropped", MOST_WAITING)
                self._drop(len(self._waiting) + len(events) - MOST_WAITING)
            self._waiting.extend(events)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="eventbridge", daemon=True)
                self._thread.start()

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until all events are delivered. Return whether they were within ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting or self._is_closed, timeout)

    def close(self) -> None:
        """Stop the delivery."""
        self._is_closed = True
        self._feed.wake()
        with self._changed:
            self._changed.notify_all()
        if self._thread:
            self._thread.join(PATIENCE)

    def _has_rules(self) -> bool:
        from ecr_emulator.companions.event_bridge.rules import has_rules

        with self._companions.reading():
            return has_rules()

    def _drop(self, number: int) -> None:
        for _ in range(min(number, len(self._waiting))):
            self._waiting.popleft()

    def _wait_for_delivery(self) -> None:
        """Wait, but not again for an event whose delivery has taken too long already."""
        if self._waiting and self._given_up != self._delivered and not self.settle(PATIENCE):
            self._given_up = self._delivered

    def _run(self) -> None:
        while not self._is_closed:
            if self._waiting:
                self._deliver(self._waiting[0])
            else:
                # The wait also performs due work, whose events a rule may be for.
                self._feed.wait(NO_EVENT, 3_600.0, lambda: bool(self._waiting) or self._is_closed)

    def _deliver(self, event: Event) -> None:
        from ecr_emulator.companions.event_bridge.rules import deliver_to_default

        try:
            with self._companions.entered():
                deliver_to_default(event)
        except Exception:
            log.exception("EventBridge: %s was not delivered", event.detail_type)
        with self._changed:
            if self._waiting and self._waiting[0] is event:  # it may have been dropped meanwhile
                self._waiting.popleft()
            self._delivered += 1
            self._changed.notify_all()
