"""The delivery of events to everything that receives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ecr_emulator.admin.event_stream import EventStreams
from ecr_emulator.admin.events import EventsAdmin
from ecr_emulator.services import Services
from ecr_emulator.services.event_feed import EventFeed
from ecr_emulator.settings import Settings


class EventDelivery:
    """Delivers the events of one emulator. ``admin`` is the view of the log and its streams.

    ``settle`` waits for running pulls.
    """

    def __init__(self, settings: Settings, services: Services, settle: Callable[[], object]) -> None:
        self._settle = settle
        self._feed = EventFeed(services.store, services.background, services.clock)
        self._streams = EventStreams(services.store, self._feed, settings.threads)
        self.admin = EventsAdmin(services.store, self._streams)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Wait until running work ends, and perform no work that falls due while the block runs."""
        with self._feed.paused():
            self._settle()
            yield

    def end_streams(self) -> None:
        """End the answers that would go on until their clients leave."""
        self._streams.close()

    def close(self) -> None:
        """End all deliveries."""
        self.end_streams()
