"""Simulate a full or read-only disk for one emulator: errors of the system and of SQLite."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from typing import Any
from unittest.mock import patch

from ecr_emulator.emulator import Emulator
from ecr_emulator.storage.store import SqlStore

FILES = "ecr_emulator.storage.blobs.files"


@contextmanager
def full_disk(emulator: Emulator, after: int = 0) -> Iterator[None]:
    """Let no file grow beyond a number of bytes, and let the database get no more pages.

    With ``after``, the disk says that it has room until then.
    """
    free = patch(f"{FILES}.free_bytes", lambda _: 2**50 if after else 0)
    with _pragma(emulator, "max_page_count", 1), patch(f"{FILES}.FileIO", _file_that_takes(after)), free:
        yield


@contextmanager
def read_only_disk(emulator: Emulator) -> Iterator[None]:
    """Let no file be created, and the database not be written."""
    with _pragma(emulator, "query_only", "ON"), patch(f"{FILES}.FileIO", _ReadOnly):
        yield


@contextmanager
def _pragma(emulator: Emulator, name: str, value: object) -> Iterator[None]:
    store = emulator._store
    assert isinstance(store, SqlStore)
    with store.paused() as connection:
        before = connection.execute(f"PRAGMA {name}").fetchone()[0]
        connection.execute(f"PRAGMA {name} = {value}")
    yield
    connection.execute(f"PRAGMA {name} = {before}")


def _file_that_takes(limit: int) -> type[FileIO]:
    class Limited(FileIO):
        def write(self, data: Any, /) -> int:
            room = limit - os.fstat(self.fileno()).st_size
            if room <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(memoryview(data)[:room])

    return Limited


class _ReadOnly(FileIO):
    def __init__(self, path: Any, mode: str = "r", **more: Any) -> None:
        if mode != "r":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        super().__init__(path, mode, **more)
