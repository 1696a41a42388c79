"""Folders of files that nobody needs any more. They are moved away at once, and a thread deletes their files."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from ecr_emulator.private_files import FOLDER

DISCARDED = "discarded"
"""The folder of the data directory for what is being deleted. A killed process leaves files in it."""


class DiscardedFolders:
    """Deletes folders in the background, and at the start those that an earlier process has left."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = os.fspath(data_dir / DISCARDED)
        self._is_closed = Event()
        self._threads: list[Thread] = []
        if os.path.isdir(self._folder):
            self._delete_later(self._folder)

    def new_folder(self) -> str:
        """Return a new folder, in the same file system as the data directory."""
        os.makedirs(self._folder, FOLDER, exist_ok=True)
        return tempfile.mkdtemp(dir=self._folder)

    def delete(self, folder: str) -> None:
        """Begin to delete a folder of ``new_folder`` with its content."""
        self._delete_later(folder)

    def close(self) -> None:
        """Stop to delete. The next process goes on."""
        self._is_closed.set()
        for thread in self._threads:
            thread.join()

    def _delete_later(self, folder: str) -> None:
        self._threads = [each for each in self._threads if each.is_alive()]
        thread = Thread(target=self._delete, args=(folder,), name="discarded-files", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _delete(self, top: str) -> None:
        for folder, _, names in os.walk(top, topdown=False):
            for name in names:
                if self._is_closed.is_set():
                    return
                with suppress(OSError):  # what cannot be deleted is left for the next process
                    os.unlink(f"{folder}/{name}")
            with suppress(OSError):
                os.rmdir(folder)
