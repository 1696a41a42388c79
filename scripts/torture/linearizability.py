"""Check that a recorded history of concurrent operations on one object could have happened one after the other.

A history is *linearizable* if there is an order of its operations in which each has the result that it had, and in
which no operation comes before another one that had ended before it began. https://doi.org/10.1145/78969.78972

Objects are independent: a history of several is linearizable if that of each is.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

State = TypeVar("State", bound=Hashable)


class Act(Protocol[State]):
    """An operation with its arguments and the result that a client saw.

    ``only_reads`` says that it never changes the state.
    """

    @property
    def only_reads(self) -> bool: ...

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
    """A history has too many orders to look at them all."""


MOST_ORDERS = 20_000
"""Number of orders of the operations under way that are looked at. Many changes without an answer have more."""

Order = tuple[frozenset[int], State]
"""The operations of those under way that an order has placed already, and the state after them."""


def final_states(history: Iterable[Operation[State]], first: Iterable[State]) -> set[State]:
    """Return the states in which a history may have ended. Raises ``NotLinearizable`` and ``Undecided``.

    ``first`` are the possible states before it. The time grows with the number of operations, and faster with the
    number of those that overlap.
    """
    operations = sorted(history, key=lambda operation: operation.began)
    moments = sorted(
        [(operation.began, 1, number) for number, operation in enumerate(operations)]
        + [(operation.ended, 0, number) for number, operation in enumerate(operations)]
    )
    under_way: set[int] = set()
    orders: set[Order[State]] = {(frozenset(), state) for state in first}
    for _, begins, number in moments:
        if begins:
            under_way.add(number)
            continue
        orders = _with(number, orders, under_way, operations)
        if not orders:
            raise NotLinearizable(operations[number])
        under_way.remove(number)
        orders = {(placed - {number}, state) for placed, state in orders}
    return {state for _, state in orders}


def _with(
    number: int, orders: set[Order[State]], under_way: set[int], operations: list[Operation[State]]
) -> set[Order[State]]:
    """Return the orders that have placed an operation, and any others under way before it.

    A read is placed as soon as the state is the one that it saw: later it would explain no more. Otherwise each set of
    reads would be an order of its own.
    """
    reads = {each for each in under_way if operations[each].act.only_reads}

    def with_reads(placed: frozenset[int], state: State) -> Order[State]:
        return placed.union(each for each in reads - placed if operations[each].act.after(state)), state

    reached = {with_reads(*order) for order in orders}
    waiting = list(reached)
    while waiting:
        placed, state = waiting.pop()
        if number in placed:
            continue
        for each in under_way - reads - placed:
            for following in operations[each].act.after(state):
                after = with_reads(placed | {each}, following)
                if after not in reached:
                    reached.add(after)
                    waiting.append(after)
        if len(reached) > MOST_ORDERS:
            raise Undecided
    return {order for order in reached if number in order[0]}
