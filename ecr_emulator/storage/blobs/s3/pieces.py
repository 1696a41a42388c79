"""Unfinished uploads in S3: pieces, each an object, and objects that say which pieces an upload has.

``uploads/<name>/<offset>-<writer>`` is a piece. ``uploads/<name>/progress-<size>`` lists the pieces of the first
``size`` bytes, and is written when all of them are there. A piece is never written twice with different bytes,
and with several nodes neither is the progress, so a node that was cut off for a while overwrites nothing.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.blobs.s3.bucket import Bucket

UPLOADS = "uploads/"


class Piece(NamedTuple):
    """An object with some consecutive bytes of an upload."""

    key: str
    size: int


class Progress(NamedTuple):
    """The pieces of an upload, the sha256 of their bytes in hex digits, and the writer that wrote the last of them."""

    pieces: list[Piece]
    sha256: str
    writer: str

    @property
    def size(self) -> int:
        """The number of bytes of all pieces."""
        return sum(piece.size for piece in self.pieces)


def new_writer_id() -> str:
    """Return the id of a writer, which no other writer has."""
    return os.urandom(8).hex()


def piece_key(name: str, offset: int, writer: str) -> str:
    """Return the key of the piece that a writer writes at an offset."""
    return f"{UPLOADS}{name}/{offset:012d}-{writer}"


def progress_key(name: str, size: int) -> str:
    """Return the key of the object that lists the pieces of the first ``size`` bytes."""
    return f"{UPLOADS}{name}/progress-{size}"


def store_progress(bucket: Bucket, name: str, progress: Progress, *, is_shared: bool) -> None:
    """Store the progress of an upload. Raises ``StorageFailure``, also if another node has written as many bytes."""
    key, document = progress_key(name, progress.size), json.dumps(progress._asdict()).encode()
    if not is_shared:
        bucket.put(key, document)
    elif not bucket.create(key, document) and bucket.content(key) != document:
        raise StorageFailure("another node has continued this upload; ask for its progress")


def forget_unconfirmed(bucket: Bucket, name: str, size: int) -> None:
    """Delete what is stored about more than ``size`` bytes, of which no client knows. Raises ``StorageFailure``."""
    beginning = progress_key(name, 0)[:-1]
    known = (found.key for found in bucket.objects(beginning))
    bucket.delete_all(key for key in known if int(key.removeprefix(beginning)) > size)


def read_progress(bucket: Bucket, name: str, size: int) -> Progress:
    """Read the progress of an upload after ``size`` bytes. Raises ``FileNotFoundError`` and ``StorageFailure``."""
    document = json.loads(bucket.content(progress_key(name, size)))
    return Progress([Piece(*piece) for piece in document["pieces"]], document["sha256"], document["writer"])


def delete_upload(bucket: Bucket, name: str) -> None:
    """Delete everything that S3 has of an upload. Raises ``StorageFailure``."""
    bucket.delete_all([found.key for found in bucket.objects(f"{UPLOADS}{name}/")])
