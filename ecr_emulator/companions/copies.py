"""Copies of moto's state in memory, which never leave the process."""

from __future__ import annotations

import pickle
from contextvars import ContextVar
from io import BytesIO
from threading import Lock, RLock
from types import FunctionType
from typing import Any

from ecr_emulator.quick_dataclasses import dataclass

_shared: ContextVar[list[Any]] = ContextVar("shared_objects")


class Shared:
    """Base of classes whose instances are shared between copies, because they do not change or are too large."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of some objects. Each ``restored`` set of objects is independent of all others.

    ``Shared`` objects, and those that cannot be copied, for example local classes, threads and open files, are
    ``shared`` between the sets.
    """

    data: bytes
    shared: list[Any]

    @classmethod
    def of(cls, objects: Any) -> Copy:
        """Copy objects and everything that they refer to."""
        out = BytesIO()
        copier = _Copier(out)
        copier.dump(objects)
        return cls(out.getvalue(), copier.shared)

    def restored(self) -> Any:
        """Return the objects as they were when they were copied."""
        before = _shared.set(self.shared)
        try:
            return pickle.loads(self.data)  # noqa: S301 - made above, in this process
        finally:
            _shared.reset(before)


class _Copier(pickle.Pickler):
    """Copies by value; locks are replaced by new ones."""

    def __init__(self, out: BytesIO) -> None:
        super().__init__(out, pickle.HIGHEST_PROTOCOL)
        self.shared: list[Any] = []

    def reducer_override(self, thing: Any) -> Any:
        """Return how to recreate ``thing``."""
        if isinstance(thing, type | FunctionType):
            return self._share(thing) if "<" in thing.__qualname__ else NotImplemented
        if isinstance(thing, Shared):
            return self._share(thing)
        if isinstance(thing, _LOCK | _RLOCK):
            return (Lock if isinstance(thing, _LOCK) else RLock), ()
        try:
            return thing.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
        except (AttributeError, TypeError, pickle.PicklingError):
            return self._share(thing)

    def _share(self, thing: Any) -> tuple[Any, tuple[int]]:
        self.shared.append(thing)
        return _shared_object, (len(self.shared) - 1,)


_LOCK = type(Lock())
_RLOCK = type(RLock())


def _shared_object(number: int) -> Any:
    return _shared.get()[number]
