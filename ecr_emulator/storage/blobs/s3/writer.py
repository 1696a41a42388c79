"""Write a blob into S3."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import Executor, Future, wait
from contextlib import suppress
from io import FileIO
from typing import BinaryIO, Protocol

from ecr_emulator.domain.names import algorithm_of, is_digest
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.blobs.parallel_hash import ParallelHash
from ecr_emulator.storage.blobs.s3.assembly import assemble
from ecr_emulator.storage.blobs.s3.bucket import Bucket
from ecr_emulator.storage.blobs.s3.pieces import (
    Piece,
    Progress,
    new_writer_id,
    piece_key,
    store_progress,
)
from ecr_emulator.storage.disk import storage_failures

PIECE = 8 * 1024 * 1024
"""Bytes of a piece. The parts of the largest layer are then fewer than S3 allows."""
AHEAD = 4
"""Maximum number of pieces of one blob that are on their way. A writer that is faster waits."""
_FULL = "the data directory cannot be written: the disk is full, but for what is kept free (--disk-reserve)"


class Shelf(Protocol):
    """The store of a writer's bytes. ``S3Blobs`` describes each member."""

    @property
    def bucket(self) -> Bucket: ...

    @property
    def are_shared(self) -> bool: ...

    @property
    def pool(self) -> Executor: ...

    def room(self) -> int: ...

    def open(self, digest: str) -> BinaryIO: ...

    def key(self, digest: str) -> str: ...

    def scratch(self, name: str) -> str: ...

    def has_stored(self, digest: str, size: int, etag: str) -> None: ...

    def remember(self, name: str, writer: str, hasher: ParallelHash) -> None: ...

    def delete_upload(self, name: str) -> None: ...

    def release(self, name: str) -> None: ...


class S3Writer:
    """``ports.blobs.BlobWriter``. The bytes go into a local file, and from there in pieces to S3.

    One thread writes; ``reader`` may be called by any thread, also during ``commit``. ``hasher`` has the bytes of
    ``progress``; without it they are read again as soon as further ones follow.
    """

    def __init__(
        self, shelf: Shelf, name: str, file: FileIO, progress: Progress | None, hasher: ParallelHash | None
    ) -> None:
        self._shelf = shelf
        self._name = name
        self._file = file
        self._known = progress
        self._pieces = list(progress.pieces) if progress else []
        self._hasher = hasher
        self._id = new_writer_id()
        self._size = self._sent = self._local_from = progress.size if progress else 0
        self._on_their_way: list[Future[None]] = []
        self._blob: str | None = None
        self._is_over = False
        file.truncate(self._size)
        file.seek(self._size)

    @property
    def size(self) -> int:
        return self._size

    def write(self, data: bytes) -> None:
        if len(data) > self._shelf.room():
            raise StorageFailure(_FULL)
        hasher = self._hasher_of_all()
        rest = memoryview(data)
        while rest:
            with storage_failures():
                written = self._file.write(rest)
            hasher.update(rest[:written])
            self._size += written
            rest = rest[written:]
        while self._size - self._sent >= PIECE:
            self._send(PIECE)

    def digest(self, algorithm: str = "sha256") -> str:
        """See ``ports.blobs.BlobWriter.digest``; any algorithm but sha256 reads all bytes again."""
        if algorithm != "sha256":
            with self.reader() as file:
                return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"  # type: ignore[arg-type]
        if self._hasher is None and self._known is not None:
            return f"sha256:{self._known.sha256}"
        return f"sha256:{self._hasher_of_all().result().hexdigest()}"

    def reader(self) -> BinaryIO:
        """See ``ports.blobs.BlobWriter.reader``; raises ``FileNotFoundError`` after ``abandon``."""
        try:
            file = FileIO(self._shelf.scratch(self._name))
        except FileNotFoundError:
            if self._blob is None:
                raise
            return self._shelf.open(self._blob)
        self._fetch()
        return file

    def flush(self) -> None:
        if self._size == (self._known.size if self._known else 0):
            return
        self._send_all()
        progress = Progress(self._pieces[:], self.digest().partition(":")[2], self._id)
        store_progress(self._shelf.bucket, self._name, progress, is_shared=self._shelf.are_shared)
        self._known = progress

    def commit(self, digest: str) -> bool:
        if not is_digest(digest) or self.digest(algorithm_of(digest)) != digest:
            self.abandon()
            return False
        self._wait()
        rest = os.pread(self._file.fileno(), self._size - self._sent, self._sent)
        etag = assemble(self._shelf.bucket, self._shelf.pool, self._shelf.key(digest), self._pieces, rest)
        self._shelf.has_stored(digest, self._size, etag)
        self._blob = digest  # set before the local file goes, so that a reader that misses it finds the blob
        self._end()
        return True

    def abandon(self) -> None:
        if not self._is_over:
            wait(self._on_their_way)
            self._end()

    def close(self) -> None:
        if self._is_over:
            return
        try:
            self.flush()
            if self._hasher and self._known:
                self._shelf.remember(self._name, self._known.writer, self._hasher)
        finally:
            self._release()

    def _end(self) -> None:
        try:
            if self._pieces:
                self._shelf.delete_upload(self._name)
        finally:
            self._release()

    def _release(self) -> None:
        self._is_over = True
        wait(self._on_their_way)  # they read the file
        self._file.close()
        with suppress(FileNotFoundError):
            os.unlink(self._shelf.scratch(self._name))
        self._shelf.release(self._name)

    # --- Pieces --------------------------------------------------------------------------------------------

    def _send(self, size: int) -> None:
        """Begin to send the next ``size`` bytes as a piece. Raises the failure of an earlier one."""
        while len(self._on_their_way) >= AHEAD:
            self._on_their_way[0].result()
            del self._on_their_way[0]
        piece = Piece(piece_key(self._name, self._sent, self._id), size)
        self._on_their_way.append(self._shelf.pool.submit(self._put, piece, self._sent))
        self._pieces.append(piece)
        self._sent += size

    def _put(self, piece: Piece, offset: int) -> None:
        self._shelf.bucket.put(piece.key, os.pread(self._file.fileno(), piece.size, offset))

    def _send_all(self) -> None:
        if self._size > self._sent:
            self._send(self._size - self._sent)
        self._wait()

    def _wait(self) -> None:
        """Wait for the pieces on their way. Raises ``StorageFailure`` if one did not arrive, also in later calls."""
        for future in self._on_their_way:
            future.result()
        self._on_their_way.clear()

    # --- Bytes of an earlier writer ------------------------------------------------------------------------

    def _hasher_of_all(self) -> ParallelHash:
        if self._hasher is None:
            hasher = hashlib.sha256()
            for content in self._fetched():
                hasher.update(content)
            self._hasher = ParallelHash(hasher)
        return self._hasher

    def _fetch(self) -> None:
        """Copy the bytes of earlier writers into the local file."""
        for _ in self._fetched():
            pass

    def _fetched(self) -> Iterator[bytes]:
        """Yield the bytes of earlier writers, which are then in the local file, too."""
        offset = 0
        for piece in self._known.pieces if self._known and self._local_from else ():
            content = self._shelf.bucket.content(piece.key)
            with storage_failures():
                os.pwrite(self._file.fileno(), content, offset)
            offset += piece.size
            yield content
        self._local_from = 0
