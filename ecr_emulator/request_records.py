"""Records of answered requests: counts for the metrics, the history of the cache, and the list of recent requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import NamedTuple

from ecr_emulator.request_counts import RequestCounts, RequestFacts
from ecr_emulator.services.cache_history import CacheHistory

MOST_RECENT = 1_000
"""Number of requests in the list of recent requests."""


class RecentRequest(NamedTuple):
    """A request that was answered. ``number`` counts requests; ``at`` is the emulator's time at which it arrived."""

    number: int
    at: datetime
    facts: RequestFacts
    seconds: float
    sent: int


class RequestRecords:
    """Records each request when its answer ends. Safe to use from many threads.

    Most requests are warm pulls, so that a record takes few steps. A reset and a restored snapshot change the history,
    but not the counts and the recent requests, which belong to the process.
    """

    def __init__(self, history: CacheHistory) -> None:
        self.counts = RequestCounts()
        self.history = history
        self._recent: deque[tuple[int, datetime, RequestFacts, float, int]] = deque(maxlen=MOST_RECENT)
        self._numbers = count(1)

    def add(self, facts: RequestFacts, at: datetime, seconds: float, sent: int, received: int = 0) -> None:
        """Record a request that arrived ``at`` a time of the emulator, with the bytes of both bodies."""
        self.counts.add(facts.kind, facts.pulls, seconds, sent, received)
        for upstream, outcome in facts.pulls:
            pulled = sent // len(facts.pulls) if facts.kind.status < "300" else 0  # an error saves the upstream nothing
            self.history.pulled(upstream, outcome, pulled, at)
        if facts.is_listed:
            self._recent.append((next(self._numbers), at, facts, seconds, sent))

    def recent(self, before: int | None, limit: int, admits: Callable[[RequestFacts], bool]) -> list[RecentRequest]:
        """Return at most ``limit`` of the recent requests that ``admits`` accepts, newest first.

        With ``before``, only those with smaller numbers. Requests that only read the emulator's own endpoints, such as
        probes, are not listed.
        """
        found: list[RecentRequest] = []
        for each in reversed(self._recent.copy()):
            if (before is None or each[0] < before) and admits(each[2]):
                found.append(RecentRequest(*each))
                if len(found) == limit:
                    break
        return found
