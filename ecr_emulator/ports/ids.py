"""The port of identifiers."""

from __future__ import annotations

from typing import Protocol


class IdSource(Protocol):
    """The only source of identifiers."""

    def uuid(self) -> str:
        """Return a new random UUID in its canonical form."""
