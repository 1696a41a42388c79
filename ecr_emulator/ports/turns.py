"""The port of turns: one request at a time on the same thing."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Turns(Protocol):
    """Lets the requests on one name take turns. ``are_shared`` if those of other nodes take part."""

    are_shared: bool

    def take(self, name: str, patience: float) -> AbstractContextManager[bool]:
        """Wait for a turn, which lasts until the block ends. Yield False if it did not come in so many seconds."""
