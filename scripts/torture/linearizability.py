"""Check that a recorded history of concurrent operations on one object could have happened one after the other.

A history is *linearizable* if there is an order of its operations in which each has the result that it had, and in
which no operation comes before another one that had ended before it began. https://doi.org/10.1145/78969.78972

Objects are independent: a history of several is linearizable if that of each is.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

State = TypeVar("State", bound=Hashable)


class Act(Hashable, Protocol[State]):
    """An operation with its arguments and the result that a client saw. Those that are equal have the same effect.

    ``only_reads`` says that it never changes the state. ``is_certain`` is false if nobody answered: the operation took
    effect or did not.
    """

    @property
    def only_reads(self) -> bool: ...

    @property
    def is_certain(self) -> bool: ...

    def after(self, state: State, /) -> Iterable[State]:
        """Return the states that may follow, none if the operation has another result in this state."""
        ...


@dataclass(frozen=True, slots=True)
class Operation(Generic[State]):
    """An act from its beginning to its end, in seconds of one clock."""

    act: Act[State]
    began: float
    ended: float


class NotLinearizable(Exception):
    """No order explains a history up to the end of ``operation``."""

    def __init__(self, operation: Operation[State]) -> None:
        super().__init__(f"nothing explains {operation}")
        self.operation = operation


class Undecided(Exception):
    """A history has too many orders to look at them all, and those that were looked at do not explain it."""


WIDTHS = (1_000, 10_000)
"""Maximum number of orders to keep during the first search, and during the second one if that is not enough."""

Order = tuple[frozenset[int], State]
"""The operations of those under way that an order has placed already, and the state after them."""


def final_states(history: Iterable[Operation[State]], first: Iterable[State]) -> set[State]:
    """Return the states in which a history may have ended. Raises ``NotLinearizable`` and ``Undecided``.

    ``first`` are the possible states before it. The time grows with the number of operations, and faster with the
    number of those that overlap. Of a history with too many orders, some states may be missing, unless it ends with a
    read of everything.
    """
    operations = sorted(history, key=lambda operation: operation.began)
    first = set(first)
    *narrow, widest = WIDTHS
    for width in narrow:
        with suppress(Undecided):
            return _states_after(operations, first, width)
    return _states_after(operations, first, widest)


def _states_after(operations: Sequence[Operation[State]], first: set[State], width: int) -> set[State]:
    moments = sorted(
        [(operation.began, 1, number) for number, operation in enumerate(operations)]
        + [(operation.ended, 0, number) for number, operation in enumerate(operations)]
    )
    search = _Search(first, width)
    for _, begins, number in moments:
        if begins:
            search.begin(number, operations[number])
        else:
            search.end(number)
    return {state for _, state in search.orders}


class _Search(Generic[State]):
    """The orders that explain a history up to a moment, except for those that explain no more than another one.

    An order places an operation only when it has to: at the end of this operation, or before another one that ends.
    """

    def __init__(self, first: Iterable[State], width: int) -> None:
        self.orders: set[Order[State]] = {(frozenset(), state) for state in first}
        self._width = width
        self._changes: dict[int, Operation[State]] = {}
        self._reads: dict[int, Operation[State]] = {}
        self._has_forgotten = False

    def begin(self, number: int, operation: Operation[State]) -> None:
        """Add an operation that is under way now."""
        (self._reads if operation.act.only_reads else self._changes)[number] = operation

    def end(self, number: int) -> None:
        """Leave the orders that have placed an operation. Raises ``NotLinearizable`` and ``Undecided``."""
        orders = self._until_end_of(number)
        operation = self._changes.pop(number, None) or self._reads.pop(number)
        if not orders:
            raise Undecided if self._has_forgotten else NotLinearizable(operation)
        self.orders = self._without_hasty({(placed - {number}, state) for placed, state in orders})

    def _until_end_of(self, number: int) -> set[Order[State]]:
        """Return the orders that place an operation after any others; also those without it, if nobody answered."""
        first = {self._with_reads(*order) for order in self.orders}
        reached, latest = set(first), first
        while latest:
            longer = {after for order in latest if number not in order[0] for after in self._next(*order)}
            latest = self._shortest(longer - reached, self._width - len(reached))
            reached |= latest
        with_it = {order for order in reached if number in order[0]}
        is_certain = number in self._reads or self._changes[number].act.is_certain
        return with_it if is_certain else with_it | first

    def _next(self, placed: frozenset[int], state: State) -> Iterator[Order[State]]:
        """Yield the orders with one more operation.

        One that nobody answered is not placed where it changes nothing: without it, the order explains as much.
        """
        for operation, after in self._longer(placed, state):
            if operation.act.is_certain or after[1] != state:
                yield after

    def _without_hasty(self, orders: set[Order[State]]) -> set[Order[State]]:
        """Leave out each order that another one becomes with one more operation.

        The other one can still place it, since it is under way, or something else. Either the other one stays, or it
        is left out for an even shorter one that becomes it.
        """
        orders = {self._with_reads(*order) for order in orders}
        hasty = {after for order in orders for _, after in self._longer(*order)}
        return self._shortest(orders - hasty, self._width)

    def _longer(self, placed: frozenset[int], state: State) -> Iterator[tuple[Operation[State], Order[State]]]:
        """Yield the orders with one more operation that may change something, each after that operation."""
        for number in self._first_of_equals(placed):
            operation = self._changes[number]
            for following in operation.act.after(state):
                yield operation, self._with_reads(placed | {number}, following)

    def _first_of_equals(self, placed: frozenset[int]) -> Iterable[int]:
        """Return the operations that may be placed next: of those with equal acts, the one that ends first.

        An order that places another one of them now is as good with the two exchanged: the first one is under way now,
        and the other one will be when the order places the first one, because it ends later.
        """
        first: dict[Act[State], int] = {}
        for number, operation in self._changes.items():
            if number not in placed:
                other = first.setdefault(operation.act, number)
                if operation.ended < self._changes[other].ended:
                    first[operation.act] = number
        return first.values()

    def _with_reads(self, placed: frozenset[int], state: State) -> Order[State]:
        """Return an order with all reads that saw this state.

        Placed later, they would explain no more; and otherwise each set of reads would be an order of its own.
        """
        seen = [each for each, read in self._reads.items() if each not in placed and read.act.after(state)]
        return placed.union(seen) if seen else placed, state

    def _shortest(self, orders: set[Order[State]], most: int) -> set[Order[State]]:
        """Return the orders that have placed the fewest operations, and remember whether others are forgotten.

        An order that is found explains the history, whatever was forgotten; but if none is found, one that was
        forgotten may explain it.
        """
        if len(orders) <= most:
            return orders
        self._has_forgotten = True
        return set(sorted(orders, key=lambda order: len(order[0]))[: max(most, 0)])
