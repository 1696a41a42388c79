"""Counts of requests to upstreams, for the metrics."""

from __future__ import annotations

from ecr_emulator.counters import Counters

FAILED = "failed"
"""The status of a request that got no answer."""


class UpstreamCounts:
    """Requests by the host of a rule and the status of the answer, and bytes of bodies by the host.

    A request to another host, to which an upstream redirects or which gives its tokens, counts for the upstream.
    """

    def __init__(self) -> None:
        self.requests = Counters()
        self.received = Counters()
