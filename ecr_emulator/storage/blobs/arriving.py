"""Blobs that nodes are writing into a shared folder, so that other nodes can read them meanwhile.

``arriving/<algorithm>-<hex>`` is a symbolic link to ``ingest/<name>``, the file that a node writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from io import SEEK_SET, FileIO
from pathlib import Path

from ecr_emulator.private_files import FOLDER
from ecr_emulator.storage.blobs.paths import BlobPaths


class ArrivingFiles:
    """``ports.shared_fetches.ArrivingBlobs`` in the folder of the blobs.

    The constructor removes links that nodes have left which died: their files are gone.
    """

    def __init__(self, folder: Path) -> None:
        self._links = os.fspath(folder / "arriving")
        self._paths = BlobPaths(folder)
        os.makedirs(self._links, FOLDER, exist_ok=True)
        for name in os.listdir(self._links):
            if not os.path.exists(f"{self._links}/{name}"):
                self._remove(f"{self._links}/{name}")

    @contextmanager
    def announced(self, digest: str, name: str) -> Iterator[None]:
        """See ``ports.shared_fetches.ArrivingBlobs.announced``. The name is that of a writer that has begun.

        If no link can be made, other nodes wait until the blob is stored.
        """
        link, new = self._link(digest), f"{self._links}/{name}"
        with suppress(OSError):
            os.symlink(os.path.relpath(self._paths.upload(name), self._links), new)
            os.replace(new, link)
        try:
            yield
        finally:
            with suppress(OSError):
                if os.path.basename(os.readlink(link)) == name:
                    self._remove(link)

    def find(self, digest: str) -> ArrivingFile | None:
        try:
            return ArrivingFile(self._link(digest), self._paths.blob(digest))
        except FileNotFoundError:
            return None

    def _link(self, digest: str) -> str:
        return f"{self._links}/{digest.replace(':', '-')}"

    @staticmethod
    def _remove(link: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(link)


class NoneArriving:
    """``ports.shared_fetches.ArrivingBlobs`` of S3, where no node can read a blob before it is stored."""

    def announced(self, _digest: str, _name: str) -> AbstractContextManager[None]:
        return nullcontext()

    def find(self, _digest: str) -> None:
        return None


class ArrivingFile:
    """``ports.shared_fetches.ArrivingBlob``. Raises ``FileNotFoundError`` if no node is writing."""

    def __init__(self, link: str, blob: str) -> None:
        self._link = link
        self._blob = blob
        self._file = FileIO(link)

    @property
    def size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    @property
    def is_over(self) -> bool:
        return not self._is_at(self._link)

    @property
    def is_stored(self) -> bool:
        return self._is_at(self._blob)

    def reader(self) -> FileIO:
        return _Reader(os.dup(self._file.fileno()))

    def close(self) -> None:
        self._file.close()

    def _is_at(self, path: str) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), os.stat(path))
        except FileNotFoundError:
            return False


class _Reader(FileIO):
    """A file with a position of its own, on a descriptor that shares its position with others."""

    def __init__(self, handle: int) -> None:
        super().__init__(handle)
        self._position = 0

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        if whence != SEEK_SET:
            raise ValueError("only positions from the begin are known")
        self._position = offset
        return offset

    def read(self, size: int | None = -1) -> bytes:
        left = os.fstat(self.fileno()).st_size - self._position
        chunk = os.pread(self.fileno(), left if size is None or size < 0 else size, self._position)
        self._position += len(chunk)
        return chunk
