"""Faults that users inject: which of them hit a request."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Any

from ecr_emulator.domain.fault import EVERY_REQUEST, Fault, FaultSyntax
from ecr_emulator.domain.wildcards import matches
from ecr_emulator.ports.time import Clock
from ecr_emulator.quick_dataclasses import dataclass

LATENCY = "latency"
"""The kind of fault that delays a request and lets other faults hit it as well."""

Chances = Callable[[int], Callable[[], float]]
"""Makes a source of numbers from 0 to 1 out of a seed."""


@dataclass
class _Injected:
    """A fault with its counts: requests that matched it while it was in force, and those that it hit."""

    id: str
    fault: Fault
    begins: datetime
    chance: Callable[[], float]
    matched: int = 0
    hits: int = 0

    def hit(self, now: datetime) -> bool:
        """Tell whether the fault hits a request that matches it, and count the request."""
        schedule = self.fault.schedule
        ended = schedule.lasts is not None and now >= self.begins + schedule.lasts
        if now < self.begins or ended or self.hits == schedule.count:
            return False
        self.matched += 1
        if self.matched <= schedule.skip or self.chance() >= schedule.probability:
            return False
        self.hits += 1
        return True

    def document(self) -> dict[str, Any]:
        """Return the fault as it was described, with its id and counts."""
        return {"id": self.id, **self.fault.given, "matched": self.matched, "hits": self.hits}


class Faults:
    """The faults in force, in the order in which they were injected. Safe to use from many threads.

    A latency delays a request in addition to everything else; of all other faults, the first that is due hits it.
    """

    def __init__(self, syntax: FaultSyntax, clock: Clock, chances: Chances) -> None:
        self._syntax = syntax
        self._clock = clock
        self._chances = chances
        self._injected: list[_Injected] = []
        self._last_id = 0
        self._lock = Lock()

    def add(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Inject the fault that a document describes, and return it with its id. Raises ``ValueError``."""
        fault = self._syntax.read(given)
        with self._lock:
            return self._add(fault).document()

    def replace(self, given: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Inject these faults instead of those in force. Raises ``ValueError``, and changes nothing then."""
        faults = [self._syntax.read(each) for each in given]
        with self._lock:
            self._injected = []
            return [self._add(fault).document() for fault in faults]

    def remove(self, fault_id: str) -> bool:
        """End a fault; return whether there was one with this id."""
        with self._lock:
            before = len(self._injected)
            self._injected = [each for each in self._injected if each.id != fault_id]
            return len(self._injected) < before

    def clear(self, account: str | None = None) -> None:
        """End all faults, or those of one account only."""
        with self._lock:
            of_others = [each for each in self._injected if each.fault.filters.get("account") != account]
            self._injected = of_others if account else []

    def listing(self) -> list[dict[str, Any]]:
        """Return the faults that were injected and not ended, used up or not, with their counts."""
        with self._lock:
            return [each.document() for each in self._injected]

    @property
    def are_injected(self) -> bool:
        """Whether there are faults, used up or not."""
        return bool(self._injected)

    def hits(self, targets: Collection[str], properties: Mapping[str, str]) -> list[Fault]:
        """Return the faults that hit a request. ``targets`` are its kinds; ``properties`` are what filters look at."""
        if not self._injected:
            return []
        now = self._clock.now()
        hits: list[Fault] = []
        with self._lock:
            for each in self._injected:
                is_spent = each.fault.kind != LATENCY and any(hit.kind != LATENCY for hit in hits)
                if not is_spent and _match(each.fault, targets, properties) and each.hit(now):
                    hits.append(each.fault)
        return hits

    def snapshot(self) -> list[_Injected]:
        """Return the faults and their counts, for ``restore``."""
        with self._lock:
            return [replace(each) for each in self._injected]

    def restore(self, snapshot: list[_Injected]) -> None:
        """Inject the faults of a snapshot, with their counts, instead of those in force."""
        with self._lock:
            self._injected = [self._again(each) for each in snapshot]

    def _again(self, taken: _Injected) -> _Injected:
        """Return a copy whose chance goes on where that of the snapshot stood."""
        chance = self._chances(taken.fault.schedule.seed)
        for _ in range(max(taken.matched - taken.fault.schedule.skip, 0)):
            chance()
        return replace(taken, chance=chance)

    def _add(self, fault: Fault) -> _Injected:
        self._last_id += 1
        schedule = fault.schedule
        begins = self._clock.now() + schedule.starts_in
        injected = _Injected(str(self._last_id), fault, begins, self._chances(schedule.seed))
        self._injected.append(injected)
        return injected


def _match(fault: Fault, targets: Collection[str], properties: Mapping[str, str]) -> bool:
    if fault.target != EVERY_REQUEST and fault.target not in targets:
        return False
    return all(matches(pattern, properties.get(key, "")) for key, pattern in fault.filters.items())
