"""Blobs of snapshots as links to their files."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.storage.blobs.paths import BlobPaths
from ecr_emulator.storage.links import link_or_copy
from ecr_emulator.storage.snapshots import StateSnapshot


class LinkedCopies:
    """``storage.snapshots.BlobCopies`` of a folder. Files are copied only where the file system has no hard links.

    Only the bytes of unfinished uploads are copied when a snapshot is restored: clients go on to write to them, and
    they become blobs of other snapshots.
    """

    def __init__(self, blobs: FileBlobs, folder: Path) -> None:
        self._blobs = blobs
        self._paths = BlobPaths(folder)

    def keep(self, snapshot: StateSnapshot, digests: set[str], uploads: set[str]) -> None:
        for digest in digests:
            with suppress(FileNotFoundError):  # a blob that is missing now is missing in the snapshot
                path = self._paths.blob(digest)
                link_or_copy(path, snapshot.path(digest))
                snapshot.blobs[digest] = os.stat(path).st_ino
        for upload in uploads:
            with suppress(FileNotFoundError):
                link_or_copy(self._paths.upload(upload), f"{snapshot.folder}/{upload}")

    def restore_blobs(self, snapshot: StateSnapshot) -> None:
        for digest, inode in snapshot.blobs.items():
            path = self._paths.blob(digest)
            if _inode(path) != inode:
                self._blobs.put_in_place(digest, snapshot.path(digest))
                snapshot.blobs[digest] = os.stat(path).st_ino  # another one if it had to be copied

    def restore_uploads(self, snapshot: StateSnapshot, uploads: set[str]) -> None:
        self._blobs.forget_progress()
        self._blobs.sweep(set())
        for upload in uploads:
            with suppress(FileNotFoundError):
                shutil.copyfile(snapshot.folder / upload, self._paths.upload(upload))


def _inode(path: str) -> int | None:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None
