"""Blobs of snapshots, which S3 keeps as long as there are snapshots."""

from __future__ import annotations

import os
from contextlib import closing
from io import FileIO
from uuid import UUID

from ecr_emulator.storage.blobs.s3.store import S3Blobs
from ecr_emulator.storage.snapshots import StateSnapshot

CHUNK = 1024 * 1024
"""Bytes that are read at a time from a file."""


class KeptBlobs:
    """``storage.snapshots.BlobCopies`` of S3. While there is a snapshot, no node deletes objects, so none is copied."""

    def __init__(self, blobs: S3Blobs) -> None:
        self._blobs = blobs

    def keep(self, snapshot: StateSnapshot, digests: set[str], _uploads: set[str]) -> None:
        snapshot.end.callback(self._blobs.keep_everything())
        snapshot.elsewhere = self._blobs
        snapshot.blobs = dict.fromkeys(digests, 0)

    def restore_blobs(self, snapshot: StateSnapshot) -> None:
        """Store the blobs that are files of the snapshot and are missing in S3."""
        for digest in snapshot.blobs:
            if os.path.exists(snapshot.path(digest)) and self._blobs.size(digest) is None:
                self._store(digest, snapshot.path(digest))

    def restore_uploads(self, _snapshot: StateSnapshot, _uploads: set[str]) -> None:
        self._blobs.forget_progress()

    def _store(self, digest: str, path: str) -> None:
        name = str(UUID(bytes=os.urandom(16)))
        with closing(self._blobs.begin(name)) as writer, self._blobs.hold(digest), FileIO(path) as file:
            while chunk := file.read(CHUNK):
                writer.write(chunk)
            writer.commit(digest)
