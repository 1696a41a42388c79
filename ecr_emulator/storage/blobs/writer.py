"""Write a blob into a file."""

from __future__ import annotations

import hashlib
from io import FileIO
from typing import NamedTuple, Protocol

from ecr_emulator.domain.names import algorithm_of, is_digest
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.blobs.parallel_hash import ParallelHash
from ecr_emulator.storage.blobs.write_back import WriteBack
from ecr_emulator.storage.disk import storage_failures

_FULL = "the data directory cannot be written: the disk is full, but for what is kept free (--disk-reserve)"


class Progress(NamedTuple):
    """The sha256 and the number of the bytes that a writer has written; ``write_back`` unless they are never synced."""

    sha256: ParallelHash
    size: int
    write_back: WriteBack | None


class Shelf(Protocol):
    """The store of a writer's bytes. ``FileBlobs`` describes each method."""

    def room(self) -> int: ...

    def open(self, digest: str) -> FileIO: ...

    def read_ingest(self, name: str) -> FileIO: ...

    def drop_ingest(self, name: str) -> None: ...

    def settle(self, name: str, file: FileIO, digest: str) -> None: ...

    def remember(self, name: str, progress: Progress) -> None: ...

    def release(self, name: str, file: FileIO) -> None: ...


class FileWriter:
    """``ports.blobs.BlobWriter``. One thread writes; ``reader`` may be called by any thread, also during ``commit``."""

    def __init__(self, shelf: Shelf, name: str, file: FileIO, progress: Progress) -> None:
        self._shelf = shelf
        self._name = name
        self._file = file
        self._sha256, self._size, self._write_back = progress
        self._blob: str | None = None

    @property
    def size(self) -> int:
        return self._size

    def write(self, data: bytes) -> None:
        if len(data) > self._shelf.room():
            raise StorageFailure(_FULL)
        rest = memoryview(data)
        while rest:
            with storage_failures():
                written = self._file.write(rest)
            self._sha256.update(rest[:written])
            self._size += written
            rest = rest[written:]
        if self._write_back:
            self._write_back.advance(self._file, self._size)

    def digest(self, algorithm: str = "sha256") -> str:
        """See ``ports.blobs.BlobWriter.digest``; any algorithm but sha256 reads all bytes again."""
        if algorithm == "sha256":
            return f"sha256:{self._sha256.result().hexdigest()}"
        with self.reader() as file:
            return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"

    def reader(self) -> FileIO:
        """See ``ports.blobs.BlobWriter.reader``; raises ``FileNotFoundError`` after ``abandon``."""
        try:
            return self._shelf.read_ingest(self._name)
        except FileNotFoundError:
            if self._blob is None:
                raise
            return self._shelf.open(self._blob)

    def flush(self) -> None:
        """See ``ports.blobs.BlobWriter.flush``; ``write`` has done so."""

    def commit(self, digest: str) -> bool:
        if not is_digest(digest) or self.digest(algorithm_of(digest)) != digest:
            self.abandon()
            return False
        self._blob = digest  # set before the rename, so that a reader that misses the old file finds the new one
        with storage_failures():
            self._shelf.settle(self._name, self._file, digest)
        self._shelf.release(self._name, self._file)
        return True

    def abandon(self) -> None:
        if not self._file.closed:
            self._shelf.drop_ingest(self._name)
            self._shelf.release(self._name, self._file)

    def close(self) -> None:
        if not self._file.closed:
            self._shelf.remember(self._name, Progress(self._sha256, self._size, self._write_back))
            self._shelf.release(self._name, self._file)
