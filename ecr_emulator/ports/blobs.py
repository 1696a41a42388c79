"""The ports of blobs: verified blobs by digest, and blobs that are still being written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol


class BlobWriter(Protocol):
    """A blob that is being written. It can be read by its digest only after ``commit``.

    Eight methods: writing, reading back, and the three ways to end belong to one open file.
    """

    @property
    def size(self) -> int:
        """The number of bytes written so far."""

    def write(self, data: bytes) -> None:
        """Append bytes. Raises ``StorageFailure``; ``size`` then counts the bytes that were written before it."""

    def digest(self, algorithm: str = "sha256") -> str:
        """Return the digest of the bytes written so far."""

    def reader(self) -> BinaryIO:
        """Open a second file on the same bytes, positioned at 0. It also sees bytes that are written later.

        The file is independent of the writer: another thread may use it, and it stays readable after ``commit`` and
        ``abandon``.
        """

    def flush(self) -> None:
        """Put the bytes written so far where any node can resume them. Raises ``StorageFailure``."""

    def commit(self, digest: str) -> bool:
        """Store the bytes as the blob with this digest, durably and atomically, and return True.

        If the bytes have another digest, drop them and return False. Raises ``StorageFailure``.
        """

    def abandon(self) -> None:
        """Delete the written bytes. Does nothing after ``commit`` and ``close``."""

    def close(self) -> None:
        """Keep the written bytes for a later ``BlobWriters.resume``. Does nothing after ``commit`` and ``abandon``."""


class Blobs(Protocol):
    """Stored blobs by digest. Every blob was verified against its digest when it was stored.

    Seven methods: what protects a blob from removal belongs to what removes it.
    """

    def size(self, digest: str) -> int | None:
        """Return the size of a blob in bytes; None if there is no such blob."""

    def intact_size(self, digest: str, expected: int) -> int | None:
        """Return the size of a blob in bytes; None if there is no such blob, or if it was damaged and is now removed.

        The file is read only if its size is not the expected one, or if it was touched after it was last hashed.
        """

    def open(self, digest: str) -> BinaryIO:
        """Open a blob as a seekable file, positioned at 0. Raises ``FileNotFoundError`` and ``StorageFailure``."""

    def signed_url(self, digest: str) -> str | None:
        """Return a URL from which anybody can read a blob for an hour; None if the emulator is to send its bytes."""

    def drop_if_damaged(self, digest: str, *, anew: bool = False) -> bool:
        """Remove a blob, even a held one, if its bytes do not match its digest. Return True if it was removed.

        The file is read, unless it was read before and has not been touched since. ``anew`` reads it in any case.
        """

    def delete(self, digests: Iterable[str]) -> list[int]:
        """Remove those blobs that are not held, on any node, and return the number of bytes that each freed."""

    def hold(self, name: str) -> AbstractContextManager[None]:
        """Protect a blob (named by its digest) or an upload (named by its id) from removal while the block runs.

        It need not exist yet: a caller may hold the name first, then write the file, and then write the database.
        """

    def require_kept(self, digest: str) -> None:
        """Raise ``StorageFailure`` if a held blob has been deleted. Call this in the unit that records the blob.

        Only another node can have deleted it, when one of the two had lost its connection to the other.
        """


class BlobWriters(Protocol):
    """Start new blobs, and continue blobs whose writing was interrupted."""

    def begin(self, name: str) -> BlobWriter:
        """Start a new blob under a name that the caller chooses (an upload id). Raises ``StorageFailure``."""

    def has_written(self, name: str, size: int) -> bool:
        """Return whether a writer that is open or was closed has written at least ``size`` bytes."""

    def resume(self, name: str, size: int) -> BlobWriter:
        """Continue a writer after its first ``size`` bytes. It was closed in this process or in an earlier one.

        Later bytes are dropped, because no client was told that they had arrived. Raises ``FileNotFoundError`` and
        ``StorageFailure``.
        """

    def forget_written(self, name: str) -> None:
        """Let ``resume`` read the bytes of a closed writer again: those of another node may have replaced them."""

    def room(self) -> int:
        """Return the number of bytes that can be written before the disk reserve is used; negative if it is in use."""


class BlobInventory(Protocol):
    """All names in the store, for garbage collection and verification."""

    def held(self, names: Iterable[str]) -> set[str]:
        """Return those of the names that are held, on any node, including those of open writers."""

    def digests(self, after: str = "") -> Iterator[str]:
        """Yield the digests of all blobs after a digest, in order."""

    def strays(self) -> Iterator[str]:
        """Yield the paths of files in the folder of blobs that are not blobs."""

    def sweep(self, keep: set[str]) -> int:
        """Remove all unfinished blobs whose names are neither held nor in ``keep``. Return the number removed."""


class BlobStore(Blobs, BlobWriters, BlobInventory, Protocol):
    """All ports of blobs together. One folder implements them."""
