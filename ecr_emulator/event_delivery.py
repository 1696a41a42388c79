"""The delivery of events to everything that receives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecr_emulator.admin.event_stream import EventStreams
from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.event_bridge import EventBridge
from ecr_emulator.ports.nodes import EVENTS
from ecr_emulator.ports.time import MeasuringClock
from ecr_emulator.services import Services
from ecr_emulator.services.event_feed import EventFeed
from ecr_emulator.services.optional_writes import optional_write
from ecr_emulator.settings import Settings
from ecr_emulator.state_parts import StateParts

if TYPE_CHECKING:
    from ecr_emulator.services.webhooks import Webhooks

PATIENCE = 10.0
"""Seconds that a snapshot waits for the delivery of events to EventBridge."""


class EventDelivery:
    """Delivers the events of one emulator. ``streams`` follow the log. ``settle`` waits for running pulls."""

    def __init__(
        self,
        settings: Settings,
        services: Services,
        companions: Companions,
        clock: MeasuringClock,
        settle: Callable[[], object],
        state: StateParts,
    ) -> None:
        self._settle = settle
        self._due_work = services.due_work
        self._store = state.store
        self._feed = EventFeed(services.due_work, services.clock, self._store.other_nodes)
        self._event_bridge = EventBridge(companions, self._store, self._feed)
        for receiver in (self._event_bridge.note, self._feed.note):  # the feed wakes the others
            self._store.at_commit(receiver)
        if self._store.other_nodes:
            self._store.other_nodes.at_news(EVENTS, self._note_newest)
        self._webhooks = _webhooks(settings.event_webhook, state, self._feed, clock)
        self.streams = EventStreams(services.store, self._feed, settings.threads)

    def _note_newest(self) -> None:
        with self._store.reading() as work:
            newest = work.events.newest_key()
        self._event_bridge.note_newest(newest)
        self._feed.note_newest(newest)

    def start(self) -> None:
        """Begin to send events to webhooks."""
        if self._webhooks:
            self._webhooks.start()

    def skip_history(self) -> None:
        """Send no webhook the events of a state that was loaded."""
        if self._webhooks:
            self._webhooks.skip_history()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Wait until running work ends, and perform no work that falls due while the block runs."""
        with self._due_work.stopped():
            self._settle()
            self._event_bridge.settle(PATIENCE)
            yield

    def end_streams(self) -> None:
        """End the answers that would go on until their clients leave."""
        self.streams.close()

    def close(self) -> None:
        """End all deliveries. Webhooks get the last events if they accept them within a few seconds."""
        self.end_streams()
        if self._webhooks:
            self._webhooks.close()
        self._event_bridge.close()


def _webhooks(urls: Sequence[str], state: StateParts, feed: EventFeed, clock: MeasuringClock) -> Webhooks | None:
    """Return the webhooks; None if there are none. A URL that is left out at a start begins anew at the next one.

    With several nodes, a URL that one of them leaves out may be one of another.
    """
    store = state.store
    if not urls:
        if store.find_positions() and not store.other_nodes:
            with optional_write("the end of a webhook"):
                store.change_positions(lambda _: {})
        return None
    from ecr_emulator.services.webhook_positions import Positions
    from ecr_emulator.services.webhooks import Webhooks
    from ecr_emulator.webhook_client import HttpReceiver

    receivers = [HttpReceiver(url) for url in urls]
    leases = [state.lease(f"webhook {each.key}") for each in receivers]
    positions = Positions(store, receivers, are_shared=store.other_nodes is not None)
    return Webhooks(positions, zip(receivers, leases, strict=True), store, feed, clock)
