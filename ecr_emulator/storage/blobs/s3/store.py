"""Blobs as objects of S3, named by their digest.

``blobs/<algorithm>/<first two hex digits>/<hex>`` exists only after its digest was verified. ``pieces`` describes what
is below ``uploads/``. A local folder has the bytes of the requests that are running.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, suppress
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from ecr_emulator.domain.names import algorithm_of
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.private_files import FOLDER, owner_only
from ecr_emulator.storage.blobs.holds import Holds
from ecr_emulator.storage.blobs.parallel_hash import ParallelHash
from ecr_emulator.storage.blobs.paths import BlobPaths
from ecr_emulator.storage.blobs.recent import Recent
from ecr_emulator.storage.blobs.s3.bucket import Bucket, Head
from ecr_emulator.storage.blobs.s3.holds import WaitingHolds
from ecr_emulator.storage.blobs.s3.keys import BLOBS, digest_at, key_of
from ecr_emulator.storage.blobs.s3.pieces import (
    Progress,
    delete_upload,
    forget_unconfirmed,
    progress_key,
    read_progress,
)
from ecr_emulator.storage.blobs.s3.reader import S3File
from ecr_emulator.storage.blobs.s3.sweep import sweep
from ecr_emulator.storage.blobs.s3.writer import S3Writer
from ecr_emulator.storage.disk import KEPT, free_bytes, storage_failures

log = logging.getLogger(__name__)

REMEMBERED_HASHES = 1_024
"""Maximum number of closed writers whose hash is kept. The next chunk of an upload then needs no second hashing."""
REMEMBERED_BLOBS = 10_000
"""Maximum number of blobs whose ETag and size are kept. A forgotten blob is looked at again."""
EVERYTHING = "everything"
"""The name that is held while no object is deleted. It is neither a digest nor the name of an upload."""
URL_LIFE = 3_600
"""Seconds for which a signed URL is valid."""
REQUESTS = 16
"""Maximum number of simultaneous requests that write or delete. Readers have threads of their own."""


class S3Blobs:
    """``ports.blobs.BlobStore`` in a bucket. ``folder`` is for the bytes that have not reached S3 yet.

    ``reserve`` is the number of bytes of the disk that they leave free, at least ``KEPT``. ``redirects`` says whether
    blobs have signed URLs.
    """

    def __init__(
        self, bucket: Bucket, folder: Path, reserve: int = 0, holds: Holds | None = None, *, redirects: bool = False
    ) -> None:
        self._redirects = redirects
        self.bucket = bucket
        self.pool: Executor = ThreadPoolExecutor(REQUESTS, "s3")
        self._local = BlobPaths(folder)
        self._reserve = max(reserve, KEPT)
        self._holds: Holds = holds or WaitingHolds()
        self._hashers: Recent[tuple[str, ParallelHash]] = Recent(REMEMBERED_HASHES)
        self._sizes: Recent[int] = Recent(REMEMBERED_BLOBS)
        self._verified: Recent[str] = Recent(REMEMBERED_BLOBS)
        self._no_longer_kept: deque[str] = deque()
        os.makedirs(self._local.ingest, FOLDER, exist_ok=True)
        for name in os.listdir(self._local.ingest):  # of an earlier process, which had told nobody that they arrived
            os.unlink(f"{self._local.ingest}/{name}")

    # --- ports.blobs.Blobs ---------------------------------------------------------------------------------

    def size(self, digest: str) -> int | None:
        found = self._head(digest)
        return None if found is None else found.size

    def intact_size(self, digest: str, expected: int) -> int | None:
        found = self._head(digest)
        if found is None:
            return None
        if found.size == expected and self._verified.get(digest) in (None, found.etag):
            return expected
        return None if self.drop_if_damaged(digest) else self.size(digest)

    def open(self, digest: str) -> BinaryIO:
        size = self._sizes.get(digest)
        if size is None and (size := self.size(digest)) is None:
            raise FileNotFoundError(digest)
        return S3File(self.bucket, self.key(digest), size)  # type: ignore[return-value]

    def signed_url(self, digest: str) -> str | None:
        return self.bucket.url(self.key(digest), URL_LIFE) if self._redirects else None

    def drop_if_damaged(self, digest: str, *, anew: bool = False) -> bool:
        with suppress(FileNotFoundError):
            found = self.bucket.head(self.key(digest))
            if not anew and self._verified.get(digest) == found.etag:
                return False
            if self._has_digest(digest, found.size):
                self._verified.put(digest, found.etag)
                return False
            self._forget(digest)
            if self.bucket.delete_unchanged(self.key(digest), found.etag):  # otherwise it was pushed again meanwhile
                log.warning("blob %s was damaged and is dropped; it has %d bytes", digest, found.size)
                return True
        return False

    def delete(self, digests: Iterable[str]) -> list[int]:
        if self._keeps_everything():
            return []
        with closing(self._holds.unheld(digests)) as free:
            sizes = [size for some in free for size in self._delete(some)]
        return [size for size in sizes if size is not None]

    def hold(self, name: str) -> AbstractContextManager[None]:
        return self._holds.hold(name)

    def require_kept(self, digest: str) -> None:
        if self._holds.are_shared and self._head(digest) is None:
            raise StorageFailure(f"another node has deleted {digest} meanwhile; send it again")

    # --- ports.blobs.BlobWriters ---------------------------------------------------------------------------

    def begin(self, name: str) -> S3Writer:
        return self._writer(name, None, None)

    def has_written(self, name: str, size: int) -> bool:
        """See ``ports.blobs.BlobWriters.has_written``; an upload without bytes needs none."""
        with suppress(FileNotFoundError):
            if size:
                self.bucket.head(progress_key(name, size))
            return True
        return False

    def resume(self, name: str, size: int) -> S3Writer:
        """See ``ports.blobs.BlobWriters.resume``; bytes of other writers are hashed again if further ones follow."""
        if self.are_shared:
            forget_unconfirmed(self.bucket, name, size)
        progress = read_progress(self.bucket, name, size) if size else None
        writer, hasher = self._hashers.pop(name) or ("", None)
        is_of_progress = progress is not None and progress.writer == writer
        return self._writer(name, progress, hasher if is_of_progress else None)

    def forget_written(self, name: str) -> None:
        self._hashers.pop(name)

    def room(self) -> int:
        return free_bytes(self._local.ingest) - self._reserve

    # --- ports.blobs.BlobInventory -------------------------------------------------------------------------

    def held(self, names: Iterable[str]) -> set[str]:
        return self._holds.held(names)

    def digests(self, after: str = "") -> Iterator[str]:
        for found in self.bucket.objects(BLOBS, self._place(after)):
            digest = digest_at(found.key)
            if digest and digest > after:
                yield digest

    def strays(self) -> Iterator[str]:
        return (found.key for found in self.bucket.objects(BLOBS) if not digest_at(found.key))

    def sweep(self, keep: set[str]) -> int:
        return 0 if self._keeps_everything() else sweep(self.bucket, self._holds, keep)

    def clear(self) -> None:
        """Do nothing: the sweep that follows a reset deletes the blobs, so that nobody waits for S3 meanwhile."""

    def close(self) -> None:
        """End the threads and the connections."""
        self.pool.shutdown()
        self.bucket.close()

    def keep_everything(self) -> Callable[[], None]:
        """Let no node delete objects until the returned function is called, which any thread may do at any moment."""
        self._holds.take(EVERYTHING)
        return lambda: self._no_longer_kept.append(EVERYTHING)

    def forget_progress(self) -> None:
        """Forget the hashes of closed writers, whose bytes have been replaced."""
        self._hashers.clear()

    # --- For writers ---------------------------------------------------------------------------------------

    @property
    def are_shared(self) -> bool:
        """Whether other nodes use the same blobs."""
        return self._holds.are_shared

    def key(self, digest: str) -> str:
        """Return the key of a blob. Raises ``FileNotFoundError`` for what is no digest of a blob."""
        return key_of(digest)

    def scratch(self, name: str) -> str:
        """Return the path of the local bytes of a writer."""
        return self._local.upload(name)

    def has_stored(self, digest: str, size: int, etag: str) -> None:
        """Remember that a blob was written with the right bytes."""
        self._sizes.put(digest, size)
        self._verified.put(digest, etag)

    def remember(self, name: str, writer: str, hasher: ParallelHash) -> None:
        """Keep the hash of a closed writer for the next writer of this name."""
        self._hashers.put(name, (writer, hasher))

    def delete_upload(self, name: str) -> None:
        """Delete what S3 has of an upload that has ended, unless a snapshot needs it."""
        if not self._keeps_everything():
            with suppress(StorageFailure):  # the next sweep deletes it
                delete_upload(self.bucket, name)

    def release(self, name: str) -> None:
        """Release the name of a writer that has ended."""
        self._holds.release(name)

    def _writer(self, name: str, progress: Progress | None, hasher: ParallelHash | None) -> S3Writer:
        """Return a writer, whose name is held from before its file exists."""
        path = self._local.upload(name)
        self._holds.take(name)
        try:
            with storage_failures():
                os.makedirs(self._local.ingest, FOLDER, exist_ok=True)
                file = FileIO(path, "x+", opener=owner_only)
            if progress is None and hasher is None:
                hasher = ParallelHash(hashlib.sha256())
            return S3Writer(self, name, file, progress, hasher)
        except BaseException:
            self._holds.release(name)
            raise

    # --- Blobs ---------------------------------------------------------------------------------------------

    def _head(self, digest: str) -> Head | None:
        try:
            found = self.bucket.head(self.key(digest))
        except FileNotFoundError:
            self._forget(digest)
            return None
        self._sizes.put(digest, found.size)
        return found

    def _has_digest(self, digest: str, size: int) -> bool:
        """Return whether an object has the bytes of its digest. Raises ``StorageFailure`` if it cannot be read."""
        try:
            with S3File(self.bucket, self.key(digest), size) as file:
                found = hashlib.file_digest(file, algorithm_of(digest)).hexdigest()
        except FileNotFoundError:
            raise
        except OSError as failure:
            raise StorageFailure(str(failure)) from failure
        return found == digest.partition(":")[2]

    def _delete(self, digests: set[str]) -> list[int | None]:
        """Delete blobs that nobody holds, and return their sizes. Delete nothing if others may hold them by now."""
        sizes = list(self.pool.map(self.size, digests))
        if not all(self._holds.is_unbroken(digest) for digest in islice(digests, 1)):  # they were taken together
            return []
        self.bucket.delete_all([self.key(digest) for digest in digests])
        for digest in digests:
            self._forget(digest)
        return sizes

    def _keeps_everything(self) -> bool:
        while self._no_longer_kept:  # collected snapshots: their threads may hold any lock, so they cannot release this
            self._holds.release(self._no_longer_kept.popleft())
        return bool(self._holds.held([EVERYTHING]))

    def _forget(self, digest: str) -> None:
        self._sizes.pop(digest)
        self._verified.pop(digest)

    def _place(self, digest: str) -> str:
        """Return the key after which the blobs after a digest are listed; an empty one if it is no digest."""
        try:
            return self.key(digest)
        except FileNotFoundError:
            return ""
