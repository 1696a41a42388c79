"""The first start in a data directory, which leaves nothing behind if it fails."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from ecr_emulator.storage.copies import IDENTITY
from ecr_emulator.storage.data_directory import BLOBS_ELSEWHERE, DATABASE, LOCK, files_of_emulator


class FirstStart:
    """The state of a directory before a start. It is created before the start changes anything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._new_folders = [each for each in (folder, *folder.parents) if not each.exists()]
        self._is_first = bool(self._new_folders) or not (folder.is_dir() and files_of_emulator(folder))

    def own(self) -> None:
        """Look again when the caller owns the directory: another emulator may have used it in between."""
        others = [path for path in files_of_emulator(self._folder) if path.stem not in (Path(DATABASE).stem, "owner")]
        if others or (self._folder / DATABASE).stat().st_size:
            self._is_first = False

    def undo(self) -> None:
        """Remove what the start has created, if it was the first one and the caller owns the directory.

        A database to which blobs elsewhere may belong is kept, because no other one could use those blobs.
        """
        if not self._is_first or _may_have_blobs_elsewhere(self._folder):
            return
        created = files_of_emulator(self._folder)
        for path in sorted(created, key=lambda path: path.name == LOCK):  # the lock last: it keeps others out
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        with suppress(OSError):  # somebody else uses the folder by now
            for folder in self._new_folders:
                folder.rmdir()


def _may_have_blobs_elsewhere(folder: Path) -> bool:
    """Return whether the database of a directory has told its identity to blobs, or may have done so."""
    if (folder / BLOBS_ELSEWHERE).exists():
        return True
    try:
        with closing(sqlite3.connect(folder / DATABASE)) as database:
            query = "SELECT 1 FROM state WHERE key = ?"
            return database.execute(query, (IDENTITY,)).fetchone() is not None
    except sqlite3.Error:  # it has no tables: the start has failed before it made any
        return False
