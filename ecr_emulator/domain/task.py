"""Tasks: background work such as scans, replication, restores and lifecycle policies."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Any

from ecr_emulator.quick_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Task:
    """Background work with the time at which it is due. A task replaces a waiting task with the same key."""

    key: str
    kind: str
    due_at: datetime
    arguments: dict[str, Any] = field(default_factory=dict)
