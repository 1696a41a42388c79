"""The delivery of events to everything that receives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ecr_emulator.admin.event_stream import EventStreams
from ecr_emulator.admin.events import EventsAdmin
from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.event_bridge import EventBridge
from ecr_emulator.ports.time import MeasuringClock
from ecr_emulator.services import Services
from ecr_emulator.services.event_feed import EventFeed
from ecr_emulator.services.webhooks import Webhooks
from ecr_emulator.settings import Settings
from ecr_emulator.webhook_client import HttpReceiver

PATIENCE = 10.0
"""Seconds that a snapshot waits for the delivery of events to EventBridge."""


class EventDelivery:
    """Delivers the events of one emulator. ``admin`` is the view of the log and its streams.

    ``settle`` waits for running pulls.
    """

    def __init__(
        self,
        settings: Settings,
        services: Services,
        companions: Companions,
        clock: MeasuringClock,
        settle: Callable[[], object],
    ) -> None:
        self._settle = settle
        self._feed = EventFeed(services.background, services.clock)
        self._event_bridge = EventBridge(companions, self._feed)
        for receiver in (self._event_bridge.note, self._feed.note):  # the feed wakes the others
            services.store.at_commit(receiver)
        receivers = [HttpReceiver(url) for url in settings.event_webhook]
        self._webhooks = Webhooks(receivers, services.store, self._feed, clock)
        self._streams = EventStreams(services.store, self._feed, settings.threads)
        self.admin = EventsAdmin(services.store, self._streams)

    def start(self) -> None:
        """Begin to send events to webhooks."""
        self._webhooks.start()

    def skip_history(self) -> None:
        """Send no webhook the events of a state that was loaded."""
        self._webhooks.skip_history()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Wait until running work ends, and perform no work that falls due while the block runs."""
        with self._feed.paused():
            self._settle()
            self._event_bridge.settle(PATIENCE)
            yield

    def end_streams(self) -> None:
        """End the answers that would go on until their clients leave."""
        self._streams.close()

    def close(self) -> None:
        """End all deliveries. Webhooks get the last events if they accept them within a few seconds."""
        self.end_streams()
        self._webhooks.close()
        self._event_bridge.close()
