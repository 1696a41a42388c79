"""Counts of requests and of their bytes, with the time that they took, for the metrics."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ecr_emulator.counted_body import CountedBody
from ecr_emulator.counters import MOST, OTHER, Counters
from ecr_emulator.domain.cache_use import CacheUse
from ecr_emulator.request_log import NOTE

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

PLANE = "ecr_emulator.plane"
"""Key of a WSGI environment with the part of the emulator that answers the request."""
OPERATION = "ecr_emulator.operation"
"""Key of a WSGI environment with the operation or the route; absent if the request names none that exists."""
PULLS = "ecr_emulator.pulls"
"""Key of a WSGI environment with the pulls of the request that a rule covers; see ``Pull``."""
OWN_PLANES = ("admin", "console")
"""The planes of the emulator's own endpoints and pages."""
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


class RequestFacts(NamedTuple):
    """The facts that records state about a request. ``path`` is that of the WSGI environment.

    ``pulls`` are those that a rule covers. ``note`` has the further facts of the log line. ``is_listed`` says that
    the list of recent requests has the request.
    """

    kind: RequestKind
    pulls: tuple[Pull, ...]
    method: str
    path: str
    note: Mapping[str, Any]
    is_listed: bool

    @classmethod
    def of(cls, environ: WSGIEnvironment, status: str) -> RequestFacts:
        """Return the facts about a request that was answered with a status, like ``200 OK``."""
        plane, method, note = environ.get(PLANE, UNKNOWN), environ["REQUEST_METHOD"], environ.get(NOTE, {})
        kind = RequestKind(plane, environ.get(OPERATION, UNKNOWN), status[:3])
        is_listed = plane not in OWN_PLANES or method not in ("GET", "HEAD")
        return cls(kind, tuple(environ.get(PULLS, ())), method, environ.get("PATH_INFO", ""), note, is_listed)


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
        """Count a request with its seconds and the bytes of both bodies; see ``RequestFacts``."""
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


class Records(Protocol):
    """Records of answered requests."""

    def add(self, facts: RequestFacts, at: datetime, seconds: float, sent: int, received: int = 0) -> None:
        """Record a request that arrived ``at`` a time of the emulator, with the bytes of both bodies."""


def add_pull(environ: MutableMapping[str, Any], note: dict[str, Any], use: CacheUse) -> None:
    """Add a pull to a request, and its rule, its upstream and what the cache did to the note for the log.

    The note of several pulls states each thing that the cache did once.
    """
    pulls = environ.setdefault(PULLS, [])
    pulls.append((use.rule.url, use.outcome))
    outcomes = ",".join(dict.fromkeys(outcome for _, outcome in pulls))
    note |= {"rule": use.rule.prefix, "upstream": use.rule.url, "cache": outcomes}


class CountedRequests:
    """Records each request when its answer ends: complete, failed, or interrupted by the client.

    ``now`` returns the emulator's time, and ``clock`` seconds.
    """

    def __init__(
        self,
        wsgi: WSGIApplication,
        records: Records,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._wsgi = wsgi
        self._records = records
        self._now = now
        self._clock = clock

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = _Answer(environ, start_response, self._records, self._now(), self._clock)
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

    __slots__ = ("_at", "_began", "_clock", "_environ", "_input", "_records", "_start_response", "_status")

    def __init__(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        records: Records,
        at: datetime,
        clock: Callable[[], float],
    ) -> None:
        self._environ = environ
        self._start_response = start_response
        self._records = records
        self._at = at
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
        facts, received = RequestFacts.of(self._environ, self._status), self._input.received if self._input else 0
        self._records.add(facts, self._at, self._clock() - self._began, sent, received)


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
