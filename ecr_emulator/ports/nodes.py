"""The ports of an emulator that shares its state with other nodes: their commits, and the settings that all share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from ecr_emulator.quick_dataclasses import dataclass

SILENT = 30.0
"""Seconds without a sign of life after which a node counts as ended."""

ANOTHER_STATE = "another state"
"""The topic of a reset, and of a saved state that replaces everything."""

EVENTS = "events"
"""The topic of commits that have events."""

Changing = Callable[[], AbstractContextManager[object]]
"""Opens a block that changes a setting. With several nodes, it begins with the newest value, only one node changes the
value at a time, and the new value is stored at its end. It must not be opened within a unit of the store.
"""


class SharedSetting(Protocol):
    """A part of the emulator that keeps a setting in memory.

    ``changing`` surrounds each change of it; it is ``nullcontext`` on a single node.
    """

    changing: Changing

    def dump(self) -> Any:
        """Return the value as a JSON document."""

    def load(self, document: Any, /) -> None:
        """Take over the value that another node has stored."""


@dataclass(frozen=True)
class KnownNode:
    """A node that uses the database, or that has ended without a word within the last hour.

    ``process`` is its number on its ``host``. ``silent_for`` are the seconds since its last sign of life, by the clock
    of the database.
    """

    id: str
    host: str
    process: int
    version: str
    started_at: datetime
    silent_for: float
    is_this: bool

    @property
    def is_running(self) -> bool:
        """Whether the node has given a sign of life lately."""
        return self.silent_for < SILENT


class OtherNodes(Protocol):
    """The other nodes, as one node knows them."""

    def catch_up(self) -> None:
        """Return when this node knows everything that was committed before the call. Raises ``StorageFailure``."""

    def share(self, name: str, setting: SharedSetting) -> None:
        """Keep a setting the same on all nodes. It takes over the value that is stored."""

    def at_news(self, topic: str, listener: Callable[[], None]) -> None:
        """Call ``listener`` when this node learns of a commit with this topic, or may have missed one.

        The commit may be its own. The listener must neither raise nor open a unit that writes.
        """

    def at_newer_schema(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` with the reason when a newer node has migrated the database: this one cannot go on."""

    def all(self) -> list[KnownNode]:
        """Return all nodes, with this one, the oldest first. Raises ``StorageFailure``."""

    def now(self) -> datetime:
        """Return the time of the machine on which the metadata are. Raises ``StorageFailure``."""
