"""Tasks: background work such as scans, replication, restores and lifecycle policies."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Any, NamedTuple

from ecr_emulator.quick_dataclasses import dataclass


class TaskPlace(NamedTuple):
    """The place of a task in the order in which tasks are performed."""

    due_at: datetime
    key: str


@dataclass(frozen=True, slots=True)
class Task:
    """Background work with the time at which it is due. A task replaces a waiting task with the same key."""

    key: str
    kind: str
    due_at: datetime
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> TaskPlace:
        """The place of the task in the order in which tasks are performed."""
        return TaskPlace(self.due_at, self.key)
