"""The server gives memory that it has freed back to the system.

The GNU C library keeps freed memory for later: up to 64 MiB for each of eight arenas per processor, once a large buffer
was freed. After large requests on many threads that is most of the memory of the process.
"""

from __future__ import annotations

from ctypes import CDLL
from typing import Final

KEPT: Final = 4 << 20
"""Bytes that each arena may keep. A buffer of this size or more is given back as soon as it is freed."""
ARENAS: Final = 4
"""Maximum number of arenas. Few threads allocate at the same time, since they take turns to run Python."""

_TRIM_THRESHOLD: Final = -1  # the names of malloc.h, without M_
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8


def give_back_freed_memory() -> None:
    """Tell the C library of this process, before it starts threads. Other C libraries have no such settings."""
    set_option = getattr(CDLL(None), "mallopt", None)
    if set_option:
        for option, value in ((_TRIM_THRESHOLD, KEPT), (_MMAP_THRESHOLD, KEPT), (_ARENA_MAX, ARENAS)):
            set_option(option, value)
