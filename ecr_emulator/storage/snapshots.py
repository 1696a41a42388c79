"""Snapshots of the database and its blobs, which can be restored within the life of the process."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import weakref
from contextlib import ExitStack
from pathlib import Path
from sqlite3 import Connection
from typing import BinaryIO, Protocol

from sqlalchemy import select

from ecr_emulator.ports.blobs import Blobs
from ecr_emulator.private_files import FOLDER
from ecr_emulator.storage.connections import Connection as StatementConnection
from ecr_emulator.storage.disk import storage_failures
from ecr_emulator.storage.images import BLOB
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import image_references, layers, uploads
from ecr_emulator.storage.units import Units

SNAPSHOTS = "snapshots"
"""The folder of the data directory for links to blobs. Nothing in it outlives the process."""

_HELD = Statement(select(layers.c.digest))
_REFERENCED = Statement(select(image_references.c.digest).where(image_references.c.kind == BLOB))
_UPLOADS = Statement(select(uploads.c.id))


class StateSnapshot:
    """A copy of the database in memory, and the inodes of the blobs by digest, each linked at its ``path``.

    The inode of a blob that is only in the store ``elsewhere`` is 0. ``end`` has what must be done at the end of the
    snapshot, which is ``close`` or the end of its last reference. The folder is removed then.
    """

    def __init__(self, folder: Path) -> None:
        self.database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.folder = folder
        self.blobs: dict[str, int] = {}
        self.elsewhere: Blobs | None = None
        self.end = ExitStack()
        self.end.callback(_discard, self.database, folder)
        weakref.finalize(self, self.end.close)

    def close(self) -> None:
        """End the snapshot now: an exception may refer to it for long."""
        self.end.close()

    def path(self, digest: str) -> str:
        """Return the path of a blob of the snapshot."""
        return f"{self.folder}/{digest.replace(':', '-')}"  # not every file system takes colons

    def has(self, digest: str) -> bool:
        """Return whether a blob is there. One that was damaged may be gone."""
        is_elsewhere = self.elsewhere is not None and self.elsewhere.size(digest) is not None
        return is_elsewhere or os.path.exists(self.path(digest))

    def open(self, digest: str) -> BinaryIO:
        """Open a blob as a seekable file. Raises ``FileNotFoundError`` and ``StorageFailure``."""
        return self.elsewhere.open(digest) if self.elsewhere else open(self.path(digest), "rb")


class BlobCopies(Protocol):
    """Keeps the blobs of snapshots. All methods raise ``OSError`` and ``StorageFailure``."""

    def keep(self, snapshot: StateSnapshot, digests: set[str], uploads: set[str]) -> None:
        """Keep blobs and the bytes of uploads as long as there is a reference to the snapshot."""

    def restore_blobs(self, snapshot: StateSnapshot) -> None:
        """Store the blobs of a snapshot where they are missing."""

    def restore_uploads(self, snapshot: StateSnapshot, uploads: set[str]) -> None:
        """Let uploads have the bytes that they had, and delete the bytes of all others."""


class StateSnapshots:
    """Takes and restores snapshots."""

    def __init__(self, store: Units, blobs: Blobs, copies: BlobCopies, data_dir: Path) -> None:
        self._store = store
        self._blobs = blobs
        self._copies = copies
        self._folder = data_dir / SNAPSHOTS
        self.close()  # a killed process leaves links behind

    def snapshot(self) -> StateSnapshot:
        """Take a snapshot; other threads cannot write meanwhile. Raises ``StorageFailure``."""
        with storage_failures(), self._store.paused() as connection:
            snapshot = StateSnapshot(self.new_folder())
            try:
                self._store.copy(connection, snapshot.database)
                self._copies.keep(snapshot, _digests(connection), _uploads(connection))
            except BaseException:
                snapshot.close()
                raise
        return snapshot

    def restore(self, snapshot: StateSnapshot) -> None:
        """Restore a snapshot, and delete the blobs stored since. A snapshot can be restored repeatedly.

        Raises ``StorageFailure`` and then leaves the state unchanged.
        """
        with storage_failures(), self._store.paused() as connection:
            came_since = _digests(connection) - snapshot.blobs.keys()
            self._copies.restore_blobs(snapshot)
            self._store.replace(connection, snapshot.database)
            self._copies.restore_uploads(snapshot, _uploads(snapshot.database))
        with self._store.writing(frees=True) as work:
            self._blobs.delete(work.layers.unused(came_since))

    def new_folder(self) -> Path:
        """Return a new folder in the data directory, which is removed at the end."""
        self._folder.mkdir(FOLDER, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self._folder))

    def close(self) -> None:
        """Remove the links of all snapshots."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _digests(connection: StatementConnection) -> set[str]:
    return {row.digest for statement in (_HELD, _REFERENCED) for row in statement.all(connection)}


def _uploads(connection: StatementConnection) -> set[str]:
    return {row.id for row in _UPLOADS.all(connection)}


def _discard(database: Connection, folder: Path) -> None:
    database.close()
    shutil.rmtree(folder, ignore_errors=True)
