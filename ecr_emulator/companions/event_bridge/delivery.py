"""The thread that delivers events, in the order of their commits."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Condition, Thread

from ecr_emulator.companions.app import Companions
from ecr_emulator.domain.events import Event
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.store import Store
from ecr_emulator.services.event_feed import NO_EVENT, EventFeed

log = logging.getLogger(__name__)

EVENTS_PER_READ = 100
PATIENCE = 2.0
"""Seconds that a call of a companion waits for the delivery of earlier events."""
RETRY_SECONDS = 1.0
"""Seconds until the log is read again after a failure."""


class EventBridge:
    """Delivers events to the default bus of their account and Region.

    Nothing happens until a client has used a companion and a rule exists. Then a thread reads each event in the log
    after its commit, and delivers it. A call of a companion waits for the delivery of the events that were committed
    before it, so that a client that pushes an image finds the message in its queue.
    """

    def __init__(self, companions: Companions, store: Store, feed: EventFeed) -> None:
        self._companions = companions
        self._store = store
        self._feed = feed
        with store.reading() as work:
            self._position = self._newest = work.events.newest_key()
        self._changed = Condition()
        self._thread: Thread | None = None
        self._given_up: int | None = None
        self._is_closed = False
        companions.before_each_call(lambda *_: self._wait_for_delivery())

    def note(self, events: Sequence[Event]) -> None:
        """Deliver the events of a commit soon, if there are rules. Neither blocks nor raises."""
        if events:
            self.note_newest(events[-1].key)

    def note_newest(self, key: int) -> None:
        """Deliver the events up to a key soon, which other nodes may have committed, if there are rules."""
        with self._changed:
            was_behind = self._is_behind()
            self._newest = max(self._newest, key)
            if not was_behind and not self._has_rules():
                self._position = self._newest
            elif self._thread is None:
                self._thread = Thread(target=self._run, name="eventbridge", daemon=True)
                self._thread.start()

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until all events are delivered. Return whether they were within ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._is_behind() or self._is_closed, timeout)

    def close(self) -> None:
        """Stop the delivery."""
        self._is_closed = True
        self._feed.wake()
        with self._changed:
            self._changed.notify_all()
        if self._thread:
            self._thread.join(PATIENCE)

    def _is_behind(self) -> bool:
        return self._position < self._newest

    def _has_rules(self) -> bool:
        if not self._companions.is_loaded or self._is_closed:
            return False
        from ecr_emulator.companions.event_bridge.rules import has_rules

        with self._companions.reading():
            return has_rules()

    def _wait_for_delivery(self) -> None:
        """Wait, but not again for an event whose delivery has taken too long already."""
        if self._is_behind() and self._given_up != self._position and not self.settle(PATIENCE):
            self._given_up = self._position

    def _run(self) -> None:
        while not self._is_closed:
            if not self._is_behind():
                # The wait also performs due work, whose events a rule may be for.
                self._feed.wait(NO_EVENT, 3_600.0, lambda: self._is_behind() or self._is_closed)
                continue
            try:
                self._deliver_next()
            except StorageFailure as failure:
                log.warning("EventBridge: the events cannot be read: %s", failure.reason)
                self._feed.wait(NO_EVENT, RETRY_SECONDS, lambda: self._is_closed)

    def _deliver_next(self) -> None:
        """Deliver the next events of the log."""
        newest = self._newest
        with self._store.reading() as work:
            events = work.events.after(self._position, EVENTS_PER_READ)
        if not events:  # a reset has deleted them
            self._reach(newest)
            return
        missed = events[0].key - self._position - 1
        if missed:
            log.warning("EventBridge: %d events were removed before their delivery", missed)
        for event in events:
            if self._is_closed:
                return
            self._deliver(event)
            self._reach(event.key)

    def _deliver(self, event: Event) -> None:
        from ecr_emulator.companions.event_bridge.rules import deliver_to_default

        try:
            with self._companions.entered():
                deliver_to_default(event)
        except Exception:
            log.exception("EventBridge: %s was not delivered", event.detail_type)

    def _reach(self, key: int) -> None:
        with self._changed:
            self._position = max(self._position, key)
            self._newest = max(self._newest, self._position)
            self._changed.notify_all()
