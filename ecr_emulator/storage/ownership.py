"""Ownership of a data directory by one process, for the life of the process."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from ecr_emulator.private_files import owner_only
from ecr_emulator.storage.data_directory import LOCK

PID = "owner.pid"


class DataDirectoryInUse(Exception):
    """Another process owns the data directory."""

    def __init__(self, folder: Path, holder: str) -> None:
        super().__init__(
            f"The data directory {folder} is in use by {holder}. "
            "Stop that emulator first, or start this one with another data directory."
        )


class Ownership:
    """Exclusive ownership of a data directory, until ``close`` or the end of the process, a crash included.

    SQLite locks a separate file: the lock works wherever the database does and leaves nothing to clean up.
    Raises ``DataDirectoryInUse``.
    """

    def __init__(self, folder: Path) -> None:
        self._pid = folder / PID
        self._lock = sqlite3.connect(folder / LOCK, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            self._lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as held:
            self._lock.close()
            if held.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise DataDirectoryInUse(folder, self._holder()) from held
        with open(self._pid, "w", encoding="ascii", opener=owner_only) as file:
            file.write(f"{os.getpid()}\n")
        self._owned = True

    def close(self) -> None:
        """Release the directory for other processes. A repeated call does nothing."""
        if self._owned:
            self._owned = False
            self._pid.unlink(missing_ok=True)
            self._lock.close()

    def _holder(self) -> str:
        try:
            return f"process {int(self._pid.read_text(encoding='ascii'))}"
        except (OSError, ValueError):
            return "another process"
