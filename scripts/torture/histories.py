"""The recorded histories of all objects: what clients did, when, and what they were told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Any

from scripts.torture.acts import Listed, Maybe, Read
from scripts.torture.clients import NoAnswer, NotReached
from scripts.torture.linearizability import Act, NotLinearizable, Operation, Undecided, final_states
from scripts.torture.unanswered import narrowed


class Wrong(Exception):
    """An answer that no history allows."""


class Histories:
    """A history for each object, from the last moment at which nothing was under way.

    An act that nobody answered may take effect until ``settle``.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._states: dict[str, set[Any]] = {}
        self._operations: defaultdict[str, list[Operation[Any]]] = defaultdict(list)
        self._unanswered: defaultdict[str, list[tuple[Maybe[Any], float]]] = defaultdict(list)
        self.counts: Counter[str] = Counter()
        self.undecided: list[str] = []

    def begin(self, name: str, *states: Any) -> None:
        """Begin the history of an object in one of these states."""
        self._states[name] = set(states)

    def state(self, name: str) -> Any:
        """Return the only state in which an object can be."""
        (state,) = self._states[name]
        return state

    def record(self, name: str, request: Callable[[], Act[Any]], unanswered: Act[Any] | None = None) -> None:
        """Send a request and add its act, or the other one perhaps if nobody answers. Raises what the request does."""
        began = monotonic()
        try:
            act = request()
        except NoAnswer as failure:
            if unanswered and not isinstance(failure, NotReached):
                self.add_unanswered(name, unanswered, began)
            raise
        self.add(name, act, began, monotonic())

    def add(self, name: str, act: Act[Any], began: float, ended: float) -> None:
        """Add an act that was answered."""
        with self._lock:
            self._operations[name].append(Operation(act, began, ended))
            self.counts[type(act).__name__] += 1

    def add_unanswered(self, name: str, act: Act[Any], began: float) -> None:
        """Add an act that nobody answered."""
        with self._lock:
            self._unanswered[name].append((Maybe(act), began))
            self.counts["unanswered"] += 1

    def settle(self) -> None:
        """End the acts that nobody answered: they have taken effect by now, or never will."""
        now = monotonic()
        with self._lock:
            for name, acts in self._unanswered.items():
                self._operations[name] += [Operation(act, began, now) for act, began in acts]
            self._unanswered.clear()

    def check(self) -> list[str]:
        """Return what no order explains, and begin new histories in the states in which these end.

        A history that cannot be decided is added to ``undecided``. It ends in the state that was read last.
        """
        wrong = []
        for name, operations in self._operations.items():
            first = self._states[name]
            try:
                self._states[name] = final_states(narrowed(operations, first), first)
            except NotLinearizable as failure:
                wrong.append(f"{name}: {failure}{_told(operations, first)}")
            except Undecided:
                self.undecided.append(f"{name}: too many orders{_told(operations, first)}")
                self._states[name] = {_last_read(operations)}
        self._operations.clear()
        return wrong


def _told(operations: list[Operation[Any]], first: set[Any]) -> str:
    lines = [f"  from {first}", *(f"    {each.began:.4f}-{each.ended:.4f} {each.act}" for each in operations)]
    return "".join(f"\n{line}" for line in lines)


def _last_read(operations: list[Operation[Any]]) -> Any:
    """Return the state in the last read of everything. The checks make one after all that was under way."""
    reads = [(each.began, each.act) for each in operations if isinstance(each.act, Listed | Read)]
    _, last = max(reads, key=lambda read: read[0])
    return last.pairs if isinstance(last, Listed) else last.value
