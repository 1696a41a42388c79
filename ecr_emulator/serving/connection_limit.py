"""The limit of concurrent connections: as many as the system gives this process files for."""

from __future__ import annotations

import resource
from contextlib import suppress

WANTED_FILES = 65_536
MOST_CONNECTIONS = 10_000
OWN_FILES = 40
"""What an idle emulator has open: listeners, event loops, the database."""
RESERVED_FILES = 256
"""Kept for blobs, more connections to the database, and upstreams; half of the rest where there are few."""


def take_all_files() -> None:
    """Raise the soft limit of open files, 1024 on many systems, towards the hard one, as nobody here needs it low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS has a limit of its own behind the one that it tells
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connections(listeners: int, files_each: int = 1) -> int:
    """How many connections each of so many listeners may have, if one connection takes so many files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    left = max(0, files - OWN_FILES)
    left -= min(left // 2, RESERVED_FILES)
    return max(1, min(MOST_CONNECTIONS, left // (listeners * files_each)))
