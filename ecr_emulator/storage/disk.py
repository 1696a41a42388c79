"""What can go wrong with the disk under the data directory, in our words, and how much room it has."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from ecr_emulator.errors import StorageFailure

_REFUSES_WRITES = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR})


@contextmanager
def storage_failures() -> Iterator[None]:
    """Turn what the system and SQLite say when they cannot write into ``StorageFailure``.

    That a file is there already, or is not there, is left to the caller.
    """
    try:
        yield
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError as error:
        raise StorageFailure(f"the data directory cannot be written: {error.strerror or error}") from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code not in _REFUSES_WRITES:
            raise
        raise StorageFailure(f"the data directory cannot be written: {error}") from error


def free_bytes(folder: str) -> int:
    """How many bytes may still be written into the file system of a folder, by us."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize
