"""The limit of concurrent connections, by the number of files that the system allows this process."""

from __future__ import annotations

import resource
from contextlib import suppress

WANTED_FILES = 65_536
MOST_CONNECTIONS = 10_000
OWN_FILES = 40
"""Files that an idle emulator has open: listeners, event loops, the database."""
RESERVED_FILES = 256
"""Files reserved for blobs, more connections to the database, and upstreams; at most half of the files left."""


def take_all_files() -> None:
    """Raise the soft limit of open files, 1024 on many systems, towards the hard limit: nothing needs a low one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS has a lower limit than the one it reports
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connections(listeners: int, files_each: int = 1) -> int:
    """Return the maximum number of connections of each listener, if a connection needs ``files_each`` files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    left = max(0, files - OWN_FILES)
    left -= min(left // 2, RESERVED_FILES)
    return max(1, min(MOST_CONNECTIONS, left // (listeners * files_each)))
