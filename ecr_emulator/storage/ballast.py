"""A file that reserves disk space and is removed so that deletions work on a full disk."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from ecr_emulator.private_files import owner_only
from ecr_emulator.storage.disk import KEPT, free_bytes


class Ballast:
    """A file of ``KEPT`` bytes beside the database.

    SQLite writes before it deletes. On a disk that other programs have filled to the last byte, SQLite could delete
    nothing; removing this file frees the bytes that SQLite needs. The file is not ``wanted`` for temporary state:
    creating and removing the file takes longer than opening a database.
    """

    def __init__(self, path: Path, wanted: bool = True) -> None:
        self._path = os.fspath(path)
        self._folder = os.fspath(path.parent)
        self._wanted = wanted

    def keep(self) -> None:
        """Create the file, unless it exists or the disk has no room to spare for it."""
        if not self._wanted or os.path.exists(self._path) or free_bytes(self._folder) < 2 * KEPT:
            return
        try:
            self._allocate()
        except OSError:  # the disk filled up meanwhile, or cannot be written: no space can be reserved
            self._remove()

    def release(self) -> None:
        """Remove the file if the disk is full."""
        if free_bytes(self._folder) < KEPT:
            self._remove()

    def _allocate(self) -> None:
        with open(self._path, "xb", opener=owner_only) as file:
            if sys.platform == "linux":
                os.posix_fallocate(file.fileno(), 0, KEPT)
            else:
                file.write(bytes(KEPT))

    def _remove(self) -> None:
        with suppress(OSError):
            os.unlink(self._path)
