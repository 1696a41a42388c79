"""Room on the disk that a file keeps until something needs it to make more."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from ecr_emulator.private_files import owner_only
from ecr_emulator.storage.disk import KEPT, free_bytes


class Ballast:
    """A file of ``KEPT`` bytes beside the database.

    SQLite writes before it deletes. On a disk that other programs have filled to the last byte, nothing could be
    deleted any more; removing this file makes the room for that. It is not ``wanted`` for temporary state: creating and
    removing it takes longer than opening a database.
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
        except OSError:  # the disk filled up meanwhile, or cannot be written: there is nothing to keep
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
