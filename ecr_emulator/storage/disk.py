"""Failures and free space of the disk under the data directory."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from ecr_emulator.ports.storage_failures import OutOfFiles, StorageFailure

KEPT = 4 * 1024 * 1024
"""Bytes of the disk that are reserved for operations that free space."""

_REFUSES_WRITES = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

LOCKED = "another program holds the lock of the database"
REMEDY = "Restore it from a copy, or use another data directory."


@contextmanager
def storage_failures() -> Iterator[None]:
    """Turn errors of writing, from the system or SQLite, into ``StorageFailure``.

    ``FileExistsError`` and ``FileNotFoundError`` are left to the caller.
    """
    try:
        yield
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError as error:
        if OutOfFiles.is_meant_by(error):
            raise OutOfFiles from error
        raise StorageFailure(f"the data directory cannot be written: {error.strerror or error}") from error
    except sqlite3.Error as error:
        _require_files(error)
        reason = f"the data directory cannot be written: {error}" if _code(error) in _REFUSES_WRITES else _reason(error)
        if reason is None:
            raise
        raise StorageFailure(reason) from error


@contextmanager
def read_failures() -> Iterator[None]:
    """Turn SQLite's errors of reading, and a lack of file descriptors, into ``StorageFailure``."""
    try:
        yield
    except OSError as error:
        if OutOfFiles.is_meant_by(error):
            raise OutOfFiles from error
        raise
    except sqlite3.Error as error:
        _require_files(error)
        reason = _reason(error)
        if reason is None:
            raise
        raise StorageFailure(reason) from error


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether SQLite reports that a file is damaged or not a database."""
    return _code(error) in _DAMAGED


def is_of_disk(error: sqlite3.Error) -> bool:
    """Return whether SQLite could not write or open a file, whatever the file has."""
    return _code(error) in _REFUSES_WRITES | {sqlite3.SQLITE_CANTOPEN}


def is_lock(error: sqlite3.Error) -> bool:
    """Return whether SQLite reports that another connection holds the lock."""
    return _code(error) in _LOCKED


def free_bytes(folder: str) -> int:
    """Return the number of bytes that this process may still write into the file system of a folder."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def _require_files(error: sqlite3.Error) -> None:
    """Raise ``OutOfFiles`` if no file descriptor is left: SQLite does not say why it could not open a file."""
    if _code(error) == sqlite3.SQLITE_CANTOPEN:
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            raise OutOfFiles from error


def _reason(error: sqlite3.Error) -> str | None:
    """Return why the database can be neither read nor written; None where the error is a fault of the program."""
    if is_damage(error):
        return f"the database is damaged: {error}. {REMEDY}"
    if is_lock(error):
        return LOCKED
    return f"the database cannot be opened: {error}" if _code(error) == sqlite3.SQLITE_CANTOPEN else None


def _code(error: sqlite3.Error) -> int:
    """Return the primary result code, which is the last byte of an extended result code."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
