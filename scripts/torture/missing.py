"""The message of a program that lacks a server, and its exit status."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def end_without(name: str) -> NoReturn:
    """End the program with the reason; as a failure if CI requires all servers."""
    print(f"{name} is not installed, so nothing is done")
    sys.exit(1 if os.environ.get("JOURNEYS_REQUIRE_CLIENTS") else 0)
