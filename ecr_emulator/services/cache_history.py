"""History of the pull through cache: its pulls, and what they cost upstream, over the emulator's time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from threading import Lock

from ecr_emulator.domain.cache_use import OUTCOMES
from ecr_emulator.quick_dataclasses import dataclass

MOST_PERIODS = 500
"""Maximum number of periods with a count. One more makes all periods longer."""
MOST_UPSTREAMS = 50
"""Maximum number of upstreams that a period tells apart."""
OTHER = "other"
"""The name under which a period counts further upstreams."""
LENGTHS = tuple(
    timedelta(seconds=seconds) for seconds in (10, 60, 600, 3_600, 21_600, *(86_400 * 10**power for power in range(6)))
)
"""Lengths of periods. Each divides the next one, so that periods can be joined."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CacheTotals:
    """Counts of some time: pulls by what the cache did, and bytes sent to clients for these pulls; requests that
    upstreams were asked, and bytes received from them."""

    __slots__ = ("pulls", "received", "requests", "sent")

    def __init__(self) -> None:
        self.pulls = dict.fromkeys(OUTCOMES, 0)
        self.sent = 0
        self.requests = 0
        self.received = 0

    def add(self, other: CacheTotals) -> None:
        """Add the counts of another time."""
        for outcome, number in other.pulls.items():
            self.pulls[outcome] += number
        self.sent += other.sent
        self.requests += other.requests
        self.received += other.received

    @property
    def number(self) -> int:
        """The number of pulls."""
        return sum(self.pulls.values())

    @property
    def saved(self) -> int:
        """Bytes that clients got without an upstream sending them; negative while imports fetch more than was sent."""
        return self.sent - self.received


Period = dict[str, CacheTotals]
"""The totals of a period by upstream."""


@dataclass(frozen=True, slots=True)
class Column:
    """The totals of the time from ``begin`` to ``end``."""

    begin: datetime
    end: datetime
    totals: CacheTotals


class CacheHistory:
    """Counts by period of the emulator's time and by upstream, since the start. Safe to use from many threads.

    Only periods with counts are stored. If there are too many, all periods become longer, so that the history covers
    the whole time in bounded memory. A count belongs to the period of the emulator's time: moves of the clock change
    no counts, and after the clock was set back, pulls count in earlier periods.

    ``now`` returns the time of requests to upstreams. Callers know the time of pulls: warm pulls must stay quick.
    """

    def __init__(self, now: Callable[[], datetime], most: int = MOST_PERIODS) -> None:
        self._now = now
        self._most = most
        self._lock = Lock()
        self._length = LENGTHS[0]
        self._periods: dict[int, Period] = {}
        self._period: Period = {}
        self._begin = self._end = EPOCH

    def pulled(self, upstream: str, outcome: str, sent: int, now: datetime) -> None:
        """Count a pull that a rule covers, with one of ``OUTCOMES`` and the bytes that the client got."""
        with self._lock:
            if not self._begin <= now < self._end:
                self._enter(now)
            totals = self._period.get(upstream) or self._totals(upstream)
            totals.pulls[outcome] += 1
            totals.sent += sent

    def asked(self, upstream: str) -> None:
        """Count a request to an upstream."""
        now = self._now()
        with self._lock:
            if not self._begin <= now < self._end:
                self._enter(now)
            self._totals(upstream).requests += 1

    def received(self, upstream: str, received: int) -> None:
        """Count bytes that an upstream sent."""
        now = self._now()
        with self._lock:
            if not self._begin <= now < self._end:
                self._enter(now)
            self._totals(upstream).received += received

    def forget(self) -> None:
        """Forget all counts."""
        with self._lock:
            self._put(LENGTHS[0], {})

    def snapshot(self) -> tuple[timedelta, Mapping[int, Period]]:
        """Return all counts, for ``restore``."""
        with self._lock:
            return self._length, _copied(self._periods)

    def restore(self, snapshot: tuple[timedelta, Mapping[int, Period]]) -> None:
        """Replace all counts by those of a snapshot."""
        with self._lock:
            self._put(snapshot[0], _copied(snapshot[1]))

    def totals(self, upstream: str | None = None) -> CacheTotals:
        """Return the totals of the whole time, of one upstream or of all."""
        totals = CacheTotals()
        for _, each in self._counts(upstream)[1]:
            totals.add(each)
        return totals

    def totals_by_upstream(self) -> dict[str, CacheTotals]:
        """Return the totals of the whole time by upstream."""
        found: dict[str, CacheTotals] = {}
        with self._lock:
            for period in self._periods.values():
                for upstream, totals in period.items():
                    found.setdefault(upstream, CacheTotals()).add(totals)
        return found

    def columns(self, most: int, upstream: str | None = None) -> list[Column]:
        """Return the history in at most ``most`` columns of equal length, also those without counts, oldest first.

        The columns reach from the first count to the last one; without counts there are none.
        """
        length, counts = self._counts(upstream)
        if not counts:
            return []
        first, last = counts[0][0], counts[-1][0]
        widths = (each for each in LENGTHS if each >= length and _position(last, each) - _position(first, each) < most)
        width = next(widths, LENGTHS[-1])
        begin = _position(first, width)
        totals = [CacheTotals() for _ in range(_position(last, width) - begin + 1)]
        for time, each in counts:
            totals[_position(time, width) - begin].add(each)
        edges = [EPOCH + (begin + number) * width for number in range(len(totals) + 1)]
        return [Column(start, end, each) for start, end, each in zip(edges, edges[1:], totals, strict=False)]

    def _counts(self, upstream: str | None) -> tuple[timedelta, list[tuple[datetime, CacheTotals]]]:
        """Return the length of periods, and copies of the totals with the begin of their periods, oldest first."""
        with self._lock:
            length, periods = self._length, _copied(self._periods)
        return length, [
            (EPOCH + position * length, totals)
            for position, period in sorted(periods.items())
            for name, totals in period.items()
            if upstream in (None, name)
        ]

    def _totals(self, upstream: str) -> CacheTotals:
        """Return the totals of an upstream in the current period."""
        name = upstream if upstream in self._period or len(self._period) < MOST_UPSTREAMS else OTHER
        return self._period.setdefault(name, CacheTotals())

    def _enter(self, now: datetime) -> None:
        """Make the period of a time the current one; make all periods longer until there are not too many."""
        while True:
            position = _position(now, self._length)
            self._period = self._periods.setdefault(position, {})
            if len(self._periods) <= self._most or self._length == LENGTHS[-1]:
                break
            self._lengthen()
        self._begin = EPOCH + position * self._length
        self._end = self._begin + self._length

    def _lengthen(self) -> None:
        shorter, self._length = self._length, LENGTHS[LENGTHS.index(self._length) + 1]
        joined: dict[int, Period] = {}
        for position, period in self._periods.items():
            into = joined.setdefault(_position(EPOCH + position * shorter, self._length), {})
            for upstream, totals in period.items():
                name = upstream if upstream in into or len(into) < MOST_UPSTREAMS else OTHER
                into.setdefault(name, CacheTotals()).add(totals)
        self._periods = joined

    def _put(self, length: timedelta, periods: dict[int, Period]) -> None:
        """Replace all counts. The next count enters its period anew."""
        self._length, self._periods = length, periods
        self._begin = self._end = EPOCH


def _position(time: datetime, length: timedelta) -> int:
    """Return the number of the period of a time since 1970."""
    return (time - EPOCH) // length


def _copied(periods: Mapping[int, Period]) -> dict[int, Period]:
    copied: dict[int, Period] = {}
    for position, period in periods.items():
        for upstream, totals in period.items():
            copied.setdefault(position, {}).setdefault(upstream, CacheTotals()).add(totals)
    return copied
