"""The folders of blobs, whose names survive a loss of power before a blob is in them."""

from __future__ import annotations

import os

from ecr_emulator.private_files import FOLDER
from ecr_emulator.synced_files import sync


class BlobFolders:
    """Creates folders below ``top``, which exists, and syncs the names in them; used by one thread at a time.

    Unless ``durable``, nothing is synced.
    """

    def __init__(self, top: str, durable: bool) -> None:
        self._top = top
        self._durable = durable
        self._synced: set[str] = set()

    def ensure(self, folder: str) -> None:
        """Create a folder and its parents if they are missing, and sync their names.

        This also happens once for folders that exist: a process that was killed may have created them without a sync.
        """
        if folder in self._synced and os.path.isdir(folder):
            return
        parent = os.path.dirname(folder)
        if parent != self._top:
            self.ensure(parent)
        os.makedirs(folder, FOLDER, exist_ok=True)
        self.sync(parent)
        self._synced.add(folder)

    def sync(self, folder: str) -> None:
        """Sync the names in a folder."""
        if self._durable:
            sync(folder)
