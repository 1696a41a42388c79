"""Tasks: background work such as scans, replication, restores and lifecycle policies."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Any, NamedTuple

from ecr_emulator.domain.names import Registry
from ecr_emulator.quick_dataclasses import dataclass


class TaskPlace(NamedTuple):
    """The place of a task in the order in which tasks are performed."""

    due_at: datetime
    key: str


@dataclass(frozen=True, slots=True)
class Task:
    """Background work with the time at which it is due. A task replaces a waiting task with the same key.

    ``arguments`` name the repository that the task changes: ``account``, ``region`` and ``repository``. Without a
    ``repository`` it may change any in the registry, without an ``account`` it belongs to no registry. Replication
    also changes the repository of the same name in the registry ``to_account`` and ``to_region``.
    """

    key: str
    kind: str
    due_at: datetime
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> TaskPlace:
        """The place of the task in the order in which tasks are performed."""
        return TaskPlace(self.due_at, self.key)


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of the state that a request looks at: a repository, or a registry if ``repository`` is None.

    ``left_out`` are kinds of tasks whose results the request cannot show.
    """

    registry: Registry
    repository: str | None = None
    left_out: frozenset[str] = frozenset()
