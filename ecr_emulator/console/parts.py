"""The parts of the emulator that the pages use."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from werkzeug import Response

from ecr_emulator.ports.ecr_api import EcrApi
from ecr_emulator.ports.identities import Identities
from ecr_emulator.request_records import RequestRecords
from ecr_emulator.services import Services
from ecr_emulator.services.cache_tools import CacheTools
from ecr_emulator.services.clock_moves import MovableClock
from ecr_emulator.services.lifecycle_forecasts import LifecycleForecasts


class EventStreams(Protocol):
    """Server-sent events, each as soon as it is committed."""

    def follow(self, after: int, protocol: str) -> Response:
        """Return an answer with the events after a key, which goes on until the browser leaves."""


class ConsoleParts(NamedTuple):
    """The services, ECR's API in process, and what the operator of the emulator may use.

    ``events`` are streams of the events of all registries. ``admin_token`` is the token that ``/_ecr`` needs, or None.
    """

    services: Services
    api: EcrApi
    identities: Identities
    clock: MovableClock
    cache: CacheTools
    records: RequestRecords
    forecasts: LifecycleForecasts
    events: EventStreams
    admin_token: str | None = None
