"""Imports without pauses for Python's garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Pause the garbage collector while modules are imported, and start it again if it was on.

    An import creates many objects and almost no garbage. The collector would search them dozens of times, which takes a
    fifth of a cold start.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
