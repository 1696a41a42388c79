"""Work that ECR does behind the client's back: scans, replication, restores, lifecycle policies."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be done once it is due. A task replaces one that waits under the same key."""

    key: str
    kind: str
    due_at: datetime
    arguments: dict[str, Any] = field(default_factory=dict)
