"""A local Amazon ECR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_emulator.version import __version__

if TYPE_CHECKING:
    from ecr_emulator.testing.embedded import EcrEmulator

__all__ = ["EcrEmulator", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the public API on first use (PEP 562), so that commands and the pytest plugin start without it."""
    if name == "EcrEmulator":
        from ecr_emulator.testing.embedded import EcrEmulator

        return EcrEmulator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
