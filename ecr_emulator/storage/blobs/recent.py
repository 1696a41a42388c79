"""Values that were used last, by text."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """A dictionary that keeps its newest ``limit`` values, for any number of threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, name: str) -> Value | None:
        """Return a value, or None."""
        return self._values.get(name)

    def put(self, name: str, value: Value) -> None:
        """Keep a value, and forget the oldest one if there are too many."""
        with self._lock:
            self._values[name] = value
            self._values.move_to_end(name)
            if len(self._values) > self._limit:
                self._values.popitem(last=False)

    def pop(self, name: str) -> Value | None:
        """Forget a value and return it, or None."""
        with self._lock:
            return self._values.pop(name, None)

    def clear(self) -> None:
        """Forget all values."""
        with self._lock:
            self._values.clear()
