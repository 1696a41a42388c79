"""Check that a recorded history of concurrent reads and writes of one tag could have happened one after the other.

A tag is a register: a push sets it, a deletion empties it, a pull reads it. A history is *linearizable* if there is an
order of its operations in which every pull sees the last push or deletion before it, and in which no operation comes
before another one that had ended before it began. https://doi.org/10.1145/78969.78972
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

READ, WRITE = "read", "write"
NOTHING = ""
"""The value of a tag that does not exist."""

Order = tuple[frozenset[int], str]
"""The operations of those under way that an order has placed already, and the value of the tag after them."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation from its beginning to its end, in seconds of one clock, and the value that it read or wrote."""

    kind: str
    value: str
    began: float
    ended: float


def contradiction(history: Iterable[Operation], first: str = NOTHING) -> Operation | None:
    """Return the operation at whose end no order explains the history; None if the history is linearizable.

    ``first`` is the value of the tag before the history. The time grows with the number of operations, and faster with
    the number of those that overlap.
    """
    operations = sorted(history, key=lambda operation: operation.began)
    moments = sorted(
        [(operation.began, 1, number) for number, operation in enumerate(operations)]
        + [(operation.ended, 0, number) for number, operation in enumerate(operations)]
    )
    under_way: set[int] = set()
    orders: set[Order] = {(frozenset(), first)}
    for _, begins, number in moments:
        if begins:
            under_way.add(number)
            continue
        orders = _with(number, orders, under_way, operations)
        if not orders:
            return operations[number]
        under_way.remove(number)
        orders = {(placed - {number}, value) for placed, value in orders}
    return None


def _with(number: int, orders: set[Order], under_way: set[int], operations: list[Operation]) -> set[Order]:
    """Return the orders that have placed an operation, and any others under way before it."""
    reached, waiting = set(orders), list(orders)
    while waiting:
        placed, value = waiting.pop()
        if number in placed:
            continue
        for each in under_way - placed:
            operation = operations[each]
            if operation.kind == WRITE or operation.value == value:
                after = (placed | {each}, operation.value)
                if after not in reached:
                    reached.add(after)
                    waiting.append(after)
    return {order for order in reached if number in order[0]}
