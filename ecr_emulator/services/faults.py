"""Faults that users inject: which of them hit a request."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Any

from ecr_emulator.domain.fault import EVERY_REQUEST, Fault, FaultSyntax
from ecr_emulator.domain.wildcards import matches
from ecr_emulator.ports.nodes import Changing
from ecr_emulator.ports.time import Clock
from ecr_emulator.quick_dataclasses import dataclass

LATENCY = "latency"
"""The kind of fault that delays a request and lets other faults hit it as well."""

NO_FAULTS: Mapping[str, Any] = {"last_id": 0, "faults": []}
"""The document of no faults, as ``Faults.dump`` returns it."""

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

    def is_in_force(self, now: datetime) -> bool:
        """Whether the fault has begun, and has neither ended nor hit as many requests as it should."""
        schedule = self.fault.schedule
        ended = schedule.lasts is not None and now >= self.begins + schedule.lasts
        return now >= self.begins and not ended and self.hits != schedule.count

    def hit(self, now: datetime) -> bool:
        """Tell whether the fault hits a request that matches it, and count the request."""
        if not self.is_in_force(now):
            return False
        schedule = self.fault.schedule
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

    A latency delays a request in addition to everything else; of all other faults, the first that is due hits it. The
    faults and their counts are a ``ports.nodes.SharedSetting``: each matching request of any node is counted once.
    """

    def __init__(self, syntax: FaultSyntax, clock: Clock, chances: Chances, changing: Changing = nullcontext) -> None:
        self.changing = changing
        self._syntax = syntax
        self._clock = clock
        self._chances = chances
        self._injected: list[_Injected] = []
        self._last_id = 0
        self._lock = Lock()

    def add(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Inject the fault that a document describes, and return it with its id. Raises ``ValueError``."""
        fault = self._syntax.read(given)
        with self.changing(), self._lock:
            return self._add(fault).document()

    def replace(self, given: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Inject these faults instead of those in force. Raises ``ValueError``, and changes nothing then."""
        faults = [self._syntax.read(each) for each in given]
        with self.changing(), self._lock:
            self._injected = []
            return [self._add(fault).document() for fault in faults]

    def remove(self, fault_id: str) -> bool:
        """End a fault; return whether there was one with this id."""
        with self.changing(), self._lock:
            before = len(self._injected)
            self._injected = [each for each in self._injected if each.id != fault_id]
            return len(self._injected) < before

    def clear(self, account: str | None = None) -> None:
        """End all faults, or those of one account only."""
        with self.changing(), self._lock:
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
        if not any(each.is_in_force(now) and _match(each.fault, targets, properties) for each in self._injected):
            return []
        hits: list[Fault] = []
        with self.changing(), self._lock:
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
        with self.changing(), self._lock:
            self._injected = [self._again(each) for each in snapshot]

    def dump(self) -> dict[str, Any]:
        """Return the faults and their counts as a JSON document."""
        with self._lock:
            faults = [each.document() | {"begins": each.begins.isoformat()} for each in self._injected]
            return {"last_id": self._last_id, "faults": faults}

    def load(self, document: Mapping[str, Any]) -> None:
        """Take over the faults and the counts of another node."""
        injected = [self._again(self._read(each)) for each in document["faults"]]
        with self._lock:
            self._last_id, self._injected = document["last_id"], injected

    def _read(self, stored: Mapping[str, Any]) -> _Injected:
        given = dict(stored)
        fault_id, begins = given.pop("id"), datetime.fromisoformat(given.pop("begins"))
        counts = given.pop("matched"), given.pop("hits")
        fault = self._syntax.read(given)
        return _Injected(fault_id, fault, begins, self._chances(fault.schedule.seed), *counts)

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
