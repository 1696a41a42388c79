"""Counts of requests and of their bytes, with the time that they took, for the metrics."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from ecr_emulator.counted_body import CountedBody
from ecr_emulator.counters import MOST, OTHER, Counters
from ecr_emulator.domain.cache_use import CacheUse

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

PLANE = "ecr_emulator.plane"
"""Key of a WSGI environment with the part of the emulator that answers the request."""
OPERATION = "ecr_emulator.operation"
"""Key of a WSGI environment with the operation or the route; absent if the request names none that exists."""
PULLS = "ecr_emulator.pulls"
"""Key of a WSGI environment with the pulls of the request that a rule covers; see ``Pull``."""
UNKNOWN = "unknown"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
"""Upper limits of the buckets of the histogram, in seconds."""


Pull = tuple[str, str]
"""The upstream of a pull, and what the cache did: one of ``cache_use.OUTCOMES``."""


class RequestKind(NamedTuple):
    """Plane, operation and HTTP status: one counter for each combination of them."""

    plane: str
    operation: str
    status: str


class RequestTotals:
    """Totals of the requests of one kind. ``buckets`` are numbers of requests, the last for those above all limits."""

    __slots__ = ("buckets", "received", "seconds", "sent")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0
        self.received = 0
        self.sent = 0


class RequestCounts:
    """Totals of requests by kind, and of pulls by upstream and by what the cache did. Safe to use from many threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._totals: dict[RequestKind, RequestTotals] = {}
        self._lock = Lock()
        self.pulls = Counters()

    def add(self, kind: RequestKind, pulls: Iterable[Pull], seconds: float, sent: int, received: int = 0) -> None:
        """Count a request with its seconds and the bytes of both bodies; see ``kind_of`` and ``pulls_of``."""
        for pull in pulls:
            self.pulls.add(pull)
        with self._lock:
            totals = self._totals.get(kind)
            if totals is None:
                if len(self._totals) >= self._most:
                    kind = RequestKind(kind.plane, OTHER, OTHER)
                totals = self._totals.setdefault(kind, RequestTotals())
            totals.buckets[bisect_left(BUCKETS, seconds)] += 1
            totals.seconds += seconds
            totals.received += received
            totals.sent += sent

    def totals(self) -> dict[RequestKind, RequestTotals]:
        """Return the totals by kind."""
        with self._lock:
            return dict(self._totals)


def kind_of(environ: WSGIEnvironment, status: str) -> RequestKind:
    """Return the kind of a request that was answered with a status, like ``200 OK``."""
    return RequestKind(environ.get(PLANE, UNKNOWN), environ.get(OPERATION, UNKNOWN), status[:3])


def pulls_of(environ: WSGIEnvironment) -> tuple[Pull, ...]:
    """Return the pulls of a request that a rule covers."""
    return tuple(environ.get(PULLS, ()))


def add_pull(environ: MutableMapping[str, Any], note: dict[str, Any], use: CacheUse) -> None:
    """Add a pull to a request, and its rule, its upstream and what the cache did to the note for the log.

    The note of several pulls states each thing that the cache did once.
    """
    pulls = environ.setdefault(PULLS, [])
    pulls.append((use.rule.url, use.outcome))
    outcomes = ",".join(dict.fromkeys(outcome for _, outcome in pulls))
    note |= {"rule": use.rule.prefix, "upstream": use.rule.url, "cache": outcomes}


class CountedRequests:
    """Counts each request when its answer ends: complete, failed, or interrupted by the client."""

    def __init__(
        self, wsgi: WSGIApplication, counts: RequestCounts, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._wsgi = wsgi
        self._counts = counts
        self._clock = clock

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = _Answer(environ, start_response, self._counts, self._clock)
        try:
            body = self._wsgi(environ, answer.start)
        except BaseException:
            answer.count(0)
            raise
        if isinstance(body, list):
            answer.count(sum(map(len, body)))
            return body
        return CountedBody(body, answer.count)


class _Answer:
    """The facts about one answer. The status is 500 if the application fails before it begins the answer."""

    __slots__ = ("_began", "_clock", "_counts", "_environ", "_input", "_start_response", "_status")

    def __init__(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        counts: RequestCounts,
        clock: Callable[[], float],
    ) -> None:
        self._environ = environ
        self._start_response = start_response
        self._counts = counts
        self._clock = clock
        self._began = clock()
        self._input: _CountedInput | None = None
        self._status = "500"
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") and "wsgi.input" in environ:
            self._input = environ["wsgi.input"] = _CountedInput(environ["wsgi.input"])

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        self._status = status
        if exc_info:
            return self._start_response(status, headers, exc_info)
        return self._start_response(status, headers)

    def count(self, sent: int) -> None:
        kind, pulls = kind_of(self._environ, self._status), pulls_of(self._environ)
        self._counts.add(kind, pulls, self._clock() - self._began, sent, self._input.received if self._input else 0)


class _CountedInput:
    """The body of a request. ``received`` is the number of bytes that were read.

    Sizes are passed on as they come: Granian's body takes no negative size, which elsewhere means all.
    """

    def __init__(self, body: InputStream) -> None:
        self._body = body
        self.received = 0

    def read(self, *size: int) -> bytes:
        return self._counted(self._body.read(*size))

    def readline(self, *size: int) -> bytes:
        return self._counted(self._body.readline(*size))

    def readlines(self, *hint: int) -> list[bytes]:
        return [self._counted(line) for line in self._body.readlines(*hint)]

    def __iter__(self) -> Iterator[bytes]:
        return map(self._counted, self._body)

    def _counted(self, part: bytes) -> bytes:
        self.received += len(part)
        return part
