"""Snapshots of the database and its blobs, which can be restored within the life of the process."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection

from sqlalchemy import select

from ecr_emulator.private_files import FOLDER
from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.storage.blobs.paths import BlobPaths
from ecr_emulator.storage.connections import Connection as StatementConnection
from ecr_emulator.storage.disk import storage_failures
from ecr_emulator.storage.images import BLOB
from ecr_emulator.storage.links import link_or_copy
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

    The folder is removed with the last reference to the snapshot.
    """

    def __init__(self, folder: Path) -> None:
        self.database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.folder = folder
        self.blobs: dict[str, int] = {}
        weakref.finalize(self, _discard, self.database, folder)

    def path(self, digest: str) -> str:
        """Return the path of a blob of the snapshot."""
        return f"{self.folder}/{digest.replace(':', '-')}"  # not every file system takes colons


class StateSnapshots:
    """Takes and restores snapshots. Files are linked, and copied only where the file system has no hard links.

    Only the bytes of unfinished uploads are copied when a snapshot is restored: clients go on to write to them, and
    they become blobs of other snapshots.
    """

    def __init__(self, store: Units, blobs: FileBlobs, blob_folder: Path, data_dir: Path) -> None:
        self._store = store
        self._blobs = blobs
        self._paths = BlobPaths(blob_folder)
        self._folder = data_dir / SNAPSHOTS
        self.close()  # a killed process leaves links behind

    def snapshot(self) -> StateSnapshot:
        """Take a snapshot; other threads cannot write meanwhile. Raises ``StorageFailure``."""
        with storage_failures(), self._store.paused() as connection:
            snapshot = StateSnapshot(self.new_folder())
            self._store.copy(connection, snapshot.database)
            self._link_blobs(_digests(connection), snapshot)
            for upload in _uploads(connection):
                with suppress(FileNotFoundError):
                    link_or_copy(self._paths.upload(upload), f"{snapshot.folder}/{upload}")
        return snapshot

    def restore(self, snapshot: StateSnapshot) -> None:
        """Restore a snapshot, and delete the blobs stored since. A snapshot can be restored repeatedly.

        Raises ``StorageFailure`` and then leaves the state unchanged.
        """
        with storage_failures(), self._store.paused() as connection:
            came_since = _digests(connection) - snapshot.blobs.keys()
            self._restore_blobs(snapshot)
            self._store.replace(connection, snapshot.database)
            self._restore_uploads(snapshot)
        with self._store.writing(frees=True) as work:
            self._blobs.delete(work.layers.unused(came_since))

    def new_folder(self) -> Path:
        """Return a new folder in the data directory, which is removed at the end."""
        self._folder.mkdir(FOLDER, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self._folder))

    def close(self) -> None:
        """Remove the links of all snapshots."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _link_blobs(self, digests: set[str], snapshot: StateSnapshot) -> None:
        for digest in digests:
            with suppress(FileNotFoundError):  # a blob that is missing now is missing in the snapshot
                path = self._paths.blob(digest)
                link_or_copy(path, snapshot.path(digest))
                snapshot.blobs[digest] = os.stat(path).st_ino

    def _restore_blobs(self, snapshot: StateSnapshot) -> None:
        for digest, inode in snapshot.blobs.items():
            path = self._paths.blob(digest)
            if _inode(path) != inode:
                self._blobs.put_in_place(digest, snapshot.path(digest))
                snapshot.blobs[digest] = os.stat(path).st_ino  # another one if it had to be copied

    def _restore_uploads(self, snapshot: StateSnapshot) -> None:
        self._blobs.forget_progress()
        self._blobs.sweep(set())
        for upload in _uploads(snapshot.database):
            with suppress(FileNotFoundError):
                shutil.copyfile(snapshot.folder / upload, self._paths.upload(upload))


def _digests(connection: StatementConnection) -> set[str]:
    return {row.digest for statement in (_HELD, _REFERENCED) for row in statement.all(connection)}


def _uploads(connection: StatementConnection) -> set[str]:
    return {row.id for row in _UPLOADS.all(connection)}


def _inode(path: str) -> int | None:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None


def _discard(database: Connection, folder: Path) -> None:
    database.close()
    shutil.rmtree(folder, ignore_errors=True)
