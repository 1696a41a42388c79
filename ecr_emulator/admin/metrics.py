"""``/_ecr/metrics``: metrics in the format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from flask.typing import ResponseReturnValue

from ecr_emulator.counters import Counters
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.request_counts import RequestCounts
from ecr_emulator.services import Services


class RememberedTotals(Protocol):
    """The remembered answers: how many were given, and how many bytes they need now, roughly."""

    given: int

    @property
    def size(self) -> int:
        """The bytes."""


class UpstreamTotals(Protocol):
    """Requests to upstreams by host and status, and bytes by host."""

    requests: Counters
    received: Counters


@dataclass(frozen=True)
class MetricSources:
    """Sources of the numbers.

    ``rate_limits`` returns the pulls that remain by host, ``single_flights`` the number of calls in progress by kind.
    """

    requests: RequestCounts
    remembered: RememberedTotals
    upstreams: UpstreamTotals
    rate_limits: Callable[[], Mapping[str, int]]
    single_flights: Callable[[], Mapping[str, int]]
    services: Services

    def now(self) -> datetime:
        """Return the time of the emulator."""
        return self.services.clock.now()


class MetricsAdmin:
    """The view. The library prometheus-client is imported when it is first asked."""

    def __init__(self, sources: MetricSources) -> None:
        self._sources = sources

    def show(self, _: Mapping[str, Any]) -> ResponseReturnValue:
        """Return all metrics as text."""
        from ecr_emulator.admin.prometheus import CONTENT_TYPE, text_of

        return text_of(self._sources), {"Content-Type": CONTENT_TYPE}
