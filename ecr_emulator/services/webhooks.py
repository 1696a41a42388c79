"""Delivery of events to webhooks: at least once, in the order of their commits."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from math import inf
from threading import Thread
from time import monotonic
from typing import NamedTuple

from ecr_emulator.domain.events import Event
from ecr_emulator.domain.webhook import GIVE_UP_AFTER, LONGEST_PAUSE, Outcome, outcome_of, pause_after
from ecr_emulator.ports.leases import Lease
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.store import Store
from ecr_emulator.ports.time import MeasuringClock
from ecr_emulator.ports.webhooks import Receiver, ReceiverUnreachable
from ecr_emulator.services.event_feed import NO_EVENT, EventFeed
from ecr_emulator.services.webhook_positions import Positions

log = logging.getLogger(__name__)

EVENTS_PER_READ = 100
ANSWER_SECONDS = 5.0
"""Seconds for an answer to begin, as EventBridge allows API destinations."""
LAST_SECONDS = 2.0
"""Seconds for the delivery of the last events when the emulator stops."""
TAKEOVER_SECONDS = 0.5
"""Seconds between two looks whether the node that sends the events has died."""
CLOCK_SECONDS = 0.2
"""Seconds after which a pause looks at the clock again, which may have been moved."""


class Attempt(NamedTuple):
    """One attempt to send an event, with the reason if it failed."""

    outcome: Outcome
    reason: str = ""
    retry_after: float | None = None


class Webhook:
    """Sends each event to one receiver, from a thread of its own, while this node has the lease.

    An event that fails is sent again, with growing pauses, until it is a day old; later events wait for it.
    """

    def __init__(
        self,
        receiver: Receiver,
        lease: Lease,
        positions: Positions,
        store: Store,
        feed: EventFeed,
        clock: MeasuringClock,
    ) -> None:
        self._receiver = receiver
        self._lease = lease
        self._store = store
        self._feed = feed
        self._positions = positions
        self._clock = clock
        self._ends_at: float | None = None
        self._thread = Thread(target=self._run, name="webhook", daemon=True)

    def start(self) -> None:
        """Begin the delivery."""
        self._thread.start()

    def stop(self) -> None:
        """Let the delivery end when each event that is there has been tried once more, or a little later."""
        self._ends_at = monotonic() + LAST_SECONDS

    def join(self) -> None:
        """Wait for the end of a stopped delivery, but no longer than ``stop`` allows."""
        self._thread.join(self._seconds_left())

    def _run(self) -> None:
        while self._deliver_next():
            pass

    def _deliver_next(self) -> bool:
        """Send the next events, or wait for some. Return whether the delivery goes on."""
        if not self._lease.renew():
            self._feed.wait(NO_EVENT, TAKEOVER_SECONDS, self._is_ending)
            return not self._is_ending()
        events = self._next()
        if not events:
            if self._is_ending():
                self._lease.end()
                return False
            self._feed.wait(self._positions.last(self._receiver), 3_600.0, self._is_ending)
            return True
        try:
            for event in events:
                if not self._lease.renew():
                    return True
                if not self._send(event):
                    return False
                self._positions.put(self._receiver, event.key)
        finally:
            if self._seconds_left() > 0:  # later, the database may be closed
                self._positions.keep(self._receiver)
        return self._seconds_left() > 0

    def _next(self) -> list[Event]:
        """Return the next events; none if the database cannot be read now."""
        try:
            after = self._positions.read(self._receiver)
            with self._store.reading() as work:
                found = work.events.after(after, EVENTS_PER_READ)
        except StorageFailure as failure:
            log.warning("webhook %s: the events cannot be read: %s", self._receiver.name, failure.reason)
            self._pause(LONGEST_PAUSE)
            return []
        if found and found[0].key > after + 1:
            missed = found[0].key - after - 1
            log.warning("webhook %s: %d events were removed before they were sent", self._receiver.name, missed)
        return found

    def _send(self, event: Event) -> bool:
        """Send an event until the receiver accepts or refuses it. Return False if the delivery ends before."""
        body = json.dumps(event.envelope()).encode()
        failures = 0
        while (attempt := self._attempt(body)).outcome is Outcome.FAILED and not self._is_old(event):
            failures += 1
            if failures == 1:  # the others would fill the log
                log.warning("webhook %s: %s; the event will be sent again", self._receiver.name, attempt.reason)
            if not self._pause(pause_after(failures, attempt.retry_after)):
                return False
        if attempt.outcome is Outcome.DELIVERED:
            if failures:
                log.info("webhook %s: accepts events again", self._receiver.name)
            return True
        log.warning("webhook %s: %s; event %s is dropped", self._receiver.name, attempt.reason, event.id)
        if attempt.outcome is Outcome.GONE:
            log.warning("webhook %s: no more events are sent to it until a restart", self._receiver.name)
        return attempt.outcome is not Outcome.GONE

    def _attempt(self, body: bytes) -> Attempt:
        try:
            answer = self._receiver.post(body, min(ANSWER_SECONDS, max(0.1, self._seconds_left())))
        except ReceiverUnreachable as failure:
            return Attempt(Outcome.FAILED, str(failure))
        return Attempt(outcome_of(answer.status), f"the receiver answers {answer.status}", answer.retry_after)

    def _is_old(self, event: Event) -> bool:
        return self._clock.now() - event.time >= GIVE_UP_AFTER

    def _pause(self, seconds: float) -> bool:
        """Wait by the emulator's clock. Return False, at once, if the delivery ends."""
        until = self._clock.elapsed() + seconds
        while not self._is_ending() and (left := until - self._clock.elapsed()) > 0:
            self._feed.wait(NO_EVENT, min(left, CLOCK_SECONDS), self._is_ending)
        return not self._is_ending()

    def _is_ending(self) -> bool:
        return self._ends_at is not None

    def _seconds_left(self) -> float:
        return inf if self._ends_at is None else max(0.0, self._ends_at - monotonic())


class Webhooks:
    """The webhooks of one emulator. ``start`` begins their deliveries, and ``close`` ends them."""

    def __init__(
        self,
        positions: Positions,
        receivers: Iterable[tuple[Receiver, Lease]],
        store: Store,
        feed: EventFeed,
        clock: MeasuringClock,
    ) -> None:
        self._feed = feed
        self._positions = positions
        self._webhooks = [Webhook(each, lease, positions, store, feed, clock) for each, lease in receivers]

    def start(self) -> None:
        """Begin to send events."""
        for webhook in self._webhooks:
            webhook.start()

    def skip_history(self) -> None:
        """Send none of the events that are there: another state, with a history of its own, was loaded."""
        self._positions.skip_history()

    def close(self) -> None:
        """End all deliveries within a few seconds."""
        for webhook in self._webhooks:
            webhook.stop()
        self._feed.wake()
        for webhook in self._webhooks:
            webhook.join()
