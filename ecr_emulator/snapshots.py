"""Snapshots of a running emulator: everything that it knows at one moment, to go back to in a few milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Restorable(Protocol):
    """A part of the emulator with a state of its own."""

    def snapshot(self) -> Any:
        """Return its state, which does not change any more."""

    def restore(self, snapshot: Any, /) -> None:
        """Have that state again; the same snapshot may be restored many times."""


class ForeignSnapshot(ValueError):
    """The snapshot is of another emulator."""

    def __init__(self) -> None:
        super().__init__(
            "This snapshot is of another emulator. Only portable snapshots, which are files, move between emulators."
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Snapshot:
    """The states of all parts at one moment. It uses memory, and holds links to blobs, for as long as it is kept."""

    owner: Snapshots
    states: Sequence[Any]


class Snapshots:
    """Takes and restores snapshots of some parts. Only the first of them may fail to restore.

    ``settle`` waits for work under way, which would otherwise write to a state that it did not begin with.
    """

    def __init__(self, settle: Callable[[], object], *parts: Restorable) -> None:
        self._settle = settle
        self._parts = parts

    def take(self) -> Snapshot:
        """Return the state of all parts. Raises ``StorageFailure``."""
        self._settle()
        return Snapshot(self, [part.snapshot() for part in self._parts])

    def restore(self, snapshot: Snapshot) -> None:
        """Have the state of a snapshot again. Raises ``ForeignSnapshot`` and ``StorageFailure``."""
        if snapshot.owner is not self:
            raise ForeignSnapshot
        self._settle()
        for part, state in zip(self._parts, snapshot.states, strict=True):
            part.restore(state)
