"""The ports of blobs: verified bytes by digest, and bytes on their way there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol


class BlobWriter(Protocol):
    """Bytes on their way to becoming a blob. Nothing is a blob before ``commit``.

    Seven methods: writing, reading back, and the three ways to end belong to one open file.
    """

    @property
    def size(self) -> int:
        """How many bytes have been written."""

    def write(self, data: bytes) -> None:
        """Append. Raises ``StorageFailure``, after counting what did get written."""

    def digest(self, algorithm: str = "sha256") -> str:
        """The digest of what has been written so far."""

    def reader(self) -> BinaryIO:
        """A second file on the same bytes, from 0, while more are being written.

        It is independent of the writer, usable from another thread, and outlives ``commit`` and ``abandon``.
        """

    def commit(self, digest: str) -> bool:
        """Make it the blob of this digest, durably and at once; False, and nothing kept, if it is not.

        Raises ``StorageFailure``.
        """

    def abandon(self) -> None:
        """Forget everything written. Harmless after ``commit`` and ``close``."""

    def close(self) -> None:
        """Keep what is written for a later ``BlobWriters.resume``. Harmless after ``commit`` and ``abandon``."""


class Blobs(Protocol):
    """Verified bytes by digest. The bytes of every blob have been hashed."""

    def size(self, digest: str) -> int | None:
        """The size of a blob in bytes, None if there is none."""

    def intact_size(self, digest: str, expected: int) -> int | None:
        """The size of a blob; None if there is none, or if it was damaged and is dropped.

        It is read only for a reason: another size than expected, or a file that was touched since it was hashed.
        """

    def open(self, digest: str) -> BinaryIO:
        """A real, seekable file on the blob, positioned at 0. Raises ``FileNotFoundError`` and ``StorageFailure``."""

    def drop_if_damaged(self, digest: str, *, anew: bool = False) -> bool:
        """Remove a blob, held or not, if it has other bytes than its name says.

        All of them are read, unless that was done before and the file has not been touched since; ``anew``, even then.
        """

    def delete(self, digest: str) -> int | None:
        """Remove a blob; how many bytes that frees, None if there is none or it is held."""

    def hold(self, name: str) -> AbstractContextManager[None]:
        """While the block runs, the blob of a digest, or what is written under a name, is not removed.

        It need not be there yet: who holds its name first may create it and tell the database later.
        """


class BlobWriters(Protocol):
    """New blobs, and those whose writing was interrupted."""

    def begin(self, name: str) -> BlobWriter:
        """Start a new blob under a name of the caller's choosing (an upload id). Raises ``StorageFailure``."""

    def has_written(self, name: str, size: int) -> bool:
        """Whether so many bytes are here of a writer that is open or was closed."""

    def resume(self, name: str, size: int) -> BlobWriter:
        """Go on after so many bytes of a writer that was closed, in this process or an earlier one.

        What it wrote beyond is dropped: nobody was told that it had arrived. Raises ``FileNotFoundError`` and
        ``StorageFailure``.
        """

    def room(self) -> int:
        """How many bytes may still come in without touching the reserve; negative if that is touched already."""


class BlobInventory(Protocol):
    """All names in the store, for garbage collection and verification."""

    def held(self) -> set[str]:
        """The names that are held, those of open writers among them."""

    def digests(self) -> Iterator[str]:
        """The digests of all blobs."""

    def strays(self) -> Iterator[str]:
        """The paths of files that lie where blobs do and are none."""

    def sweep(self, keep: set[str]) -> int:
        """Remove what is written under names that are neither to keep nor held; how many there were."""


class BlobStore(Blobs, BlobWriters, BlobInventory, Protocol):
    """The whole store of blobs, as one folder keeps it."""
