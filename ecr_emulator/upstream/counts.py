"""Counts of requests to upstreams: for the metrics, over time, and by repository."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock

from ecr_emulator.counters import Counters
from ecr_emulator.ports.upstream import UpstreamCost
from ecr_emulator.services.cache_history import CacheHistory

FAILED = "failed"
"""The status of a request that got no answer."""
MOST_REPOSITORIES = 2_000
"""Maximum number of repositories whose costs are known; those used least recently are forgotten first."""
_OF_REPOSITORY = re.compile(r"https?://[^/]+/v2/(?P<name>.+)/(?:manifests|blobs|referrers)/[^/]+")


class UpstreamCounts:
    """Requests by the host of a rule and the status of the answer, and bytes of bodies by the host.

    A request to another host, to which an upstream redirects or which gives its tokens, counts for the upstream.
    ``costs`` has the same by repository of the upstream; ``history``, if any, counts the same over time.
    """

    def __init__(self, history: CacheHistory | None = None) -> None:
        self.requests = Counters()
        self.received = Counters()
        self.costs = RepositoryCosts()
        self._history = history

    def asked(self, host: str, status: str, url: str) -> None:
        """Count a request for ``url``, or a redirect that follows from it."""
        self.requests.add((host, status))
        if self._history:
            self._history.asked(host)
        self.costs.add(host, repository_in(url), requests=1)

    def receiver(self, host: str, url: str) -> Callable[[int], None]:
        """Return a function that counts bytes of answers to a request for ``url``."""
        return partial(self._receive, host, repository_in(url))

    def _receive(self, host: str, name: str, number: int) -> None:
        self.received.add((host,), number)
        if self._history:
            self._history.received(host, number)
        self.costs.add(host, name, received=number)


class RepositoryCosts:
    """The requests and bytes that repositories of upstreams have cost. Safe to use from many threads."""

    def __init__(self, most: int = MOST_REPOSITORIES) -> None:
        self._most = most
        self._costs: OrderedDict[tuple[str, str], UpstreamCost] = OrderedDict()
        self._lock = Lock()

    def add(self, host: str, name: str, requests: int = 0, received: int = 0) -> None:
        """Add to the costs of a repository. Without a ``name``, nothing is added."""
        if not name:
            return
        with self._lock:
            known = self._costs.pop((host, name), UpstreamCost())
            self._costs[host, name] = UpstreamCost(known.requests + requests, known.received + received)
            if len(self._costs) > self._most:
                self._costs.popitem(last=False)

    def of(self, host: str, name: str) -> UpstreamCost:
        """Return the costs of a repository."""
        return self._costs.get((host, name), UpstreamCost())

    def clear(self) -> None:
        """Forget all costs."""
        with self._lock:
            self._costs.clear()

    def snapshot(self) -> Mapping[tuple[str, str], UpstreamCost]:
        """Return all costs, for ``restore``."""
        with self._lock:
            return dict(self._costs)

    def restore(self, costs: Mapping[tuple[str, str], UpstreamCost]) -> None:
        """Replace all costs by those of a snapshot."""
        with self._lock:
            self._costs = OrderedDict(costs)


def repository_in(url: str) -> str:
    """Return the name of the repository in the URL of a manifest, a blob or referrers; else an empty text."""
    found = _OF_REPOSITORY.match(url)
    return found["name"] if found else ""
