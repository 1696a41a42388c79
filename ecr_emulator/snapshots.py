"""Snapshots of the whole state of a running emulator. Restoring one takes a few milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from ecr_emulator.quick_dataclasses import dataclass


class Restorable(Protocol):
    """A part of the emulator with a state of its own."""

    def snapshot(self) -> Any:
        """Return an immutable copy of the state."""

    def restore(self, snapshot: Any, /) -> None:
        """Replace the state by that of a snapshot, which can be restored many times."""


class ForeignSnapshot(ValueError):
    """The snapshot belongs to another emulator."""

    def __init__(self) -> None:
        super().__init__(
            "This snapshot is of another emulator. Only portable snapshots, which are files, move between emulators."
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Snapshot:
    """The states of all parts at one moment. While it is kept, it uses memory and holds links to blobs."""

    owner: Snapshots
    states: Sequence[Any]


class Snapshots:
    """Takes and restores snapshots of the given parts. Only the first part may raise while it is restored.

    ``quiet`` waits for running work, and lets none begin within its block, so that none writes to a restored state.
    """

    def __init__(self, quiet: Callable[[], AbstractContextManager[object]], *parts: Restorable) -> None:
        self._quiet = quiet
        self._parts = parts

    def take(self) -> Snapshot:
        """Return the state of all parts. Raises ``StorageFailure``."""
        with self._quiet():
            return Snapshot(self, [part.snapshot() for part in self._parts])

    def restore(self, snapshot: Snapshot) -> None:
        """Restore the state of a snapshot. Raises ``ForeignSnapshot`` and ``StorageFailure``."""
        if snapshot.owner is not self:
            raise ForeignSnapshot
        with self._quiet():
            for part, state in zip(self._parts, snapshot.states, strict=True):
                part.restore(state)
