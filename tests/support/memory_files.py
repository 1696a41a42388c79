"""Temporary files in memory: state that is synced to a disk costs tests an eighth of their processor time."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
ROOM = 4 * 1024**3
"""Bytes that must be free. The tests need a small part of them at a time; a container often has 64 MiB."""


def keep_temporary_files_in_memory(folder: Path = SHARED_MEMORY, room: int = ROOM) -> bool:
    """Let the temporary files of this process and of its children be in memory. Return whether they are.

    They are not if ``TMPDIR`` names another place, or where memory has no room or runs no programs.
    """
    if "TMPDIR" in os.environ or not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    if os.statvfs(folder).f_flag & os.ST_NOEXEC or shutil.disk_usage(folder).free < room:
        return False
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    return True
