"""Blobs as files named by their digest.

``blobs/<algorithm>/<first two hex digits>/<hex>`` exists only after its digest was verified;
``ingest/<name>`` is an unfinished blob in the same file system, which a rename turns into a blob.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, closing, suppress
from io import FileIO
from pathlib import Path
from threading import Lock
from time import monotonic

from ecr_emulator.domain.names import is_digest
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.private_files import FOLDER, owner_only
from ecr_emulator.storage.blobs.closed_writers import ClosedWriters
from ecr_emulator.storage.blobs.discarded import DiscardedFolders
from ecr_emulator.storage.blobs.folders import BlobFolders
from ecr_emulator.storage.blobs.hashed import Hashed, has_digest
from ecr_emulator.storage.blobs.holds import Holds, LocalHolds
from ecr_emulator.storage.blobs.listing import BlobListing
from ecr_emulator.storage.blobs.parallel_hash import Hasher, ParallelHash
from ecr_emulator.storage.blobs.paths import BlobPaths
from ecr_emulator.storage.blobs.shared_files import fresh_size, lock, unlock
from ecr_emulator.storage.blobs.write_back import WriteBack
from ecr_emulator.storage.blobs.writer import FileWriter, Progress
from ecr_emulator.storage.disk import KEPT, free_bytes, read_failures, storage_failures
from ecr_emulator.storage.links import put_in_place
from ecr_emulator.synced_files import sync

log = logging.getLogger(__name__)

PATIENCE = 0.1
"""Seconds for which a reset deletes blobs one by one: for few files, that is faster than to move their folders."""


class FileBlobs:
    """``ports.blobs.BlobStore`` in a folder. Durable means: a committed blob survives a loss of power.

    ``reserve`` is the number of bytes of the disk that new blobs leave free, at least ``KEPT``. If the folder is shared
    with other nodes, so are the ``holds``.
    """

    def __init__(self, folder: Path, durable: bool, reserve: int = 0, holds: Holds | None = None) -> None:
        self._folder = os.fspath(folder)
        self._reserve = max(reserve, KEPT)
        self._paths = BlobPaths(folder)
        self._durable = durable
        self._listing = BlobListing(self._paths)
        self._closed_writers = ClosedWriters()
        self._hashed = Hashed()
        self._folders = BlobFolders(self._folder, durable)
        self._replacing = Lock()
        self._holds: Holds = holds or LocalHolds()
        self._discarded = DiscardedFolders(folder)
        for path in (self._paths.blobs, self._paths.ingest):
            os.makedirs(path, FOLDER, exist_ok=True)

    def size(self, digest: str) -> int | None:
        found = self._found(digest)
        return None if found is None else found.st_size

    def intact_size(self, digest: str, expected: int) -> int | None:
        found = self._found(digest)
        if found is None:
            return None
        if found.st_size == expected and not self._hashed.was_touched(digest, found):
            return expected
        return None if self.drop_if_damaged(digest) else self.size(digest)

    def open(self, digest: str) -> FileIO:
        """See ``ports.blobs.Blobs.open``; the file is unbuffered."""
        with read_failures():
            return FileIO(self._paths.blob(digest))

    def signed_url(self, _digest: str) -> None:
        return None

    def drop_if_damaged(self, digest: str, *, anew: bool = False) -> bool:
        with suppress(FileNotFoundError), self.open(digest) as file:
            found = os.fstat(file.fileno())
            if not anew and self._hashed.has(digest, found):
                return False
            if has_digest(file, digest):
                self._hashed.add(digest, found)
                return False
            with self._replacing:
                if os.path.samestat(
                    found, os.stat(self._paths.blob(digest))
                ):  # otherwise it was pushed again meanwhile
                    os.unlink(self._paths.blob(digest))
                    log.warning("blob %s was damaged and is dropped; it has %d bytes", digest, found.st_size)
                    return True
        return False

    def room(self) -> int:
        return free_bytes(self._folder) - self._reserve

    def begin(self, name: str) -> FileWriter:
        """See ``ports.blobs.BlobWriters.begin``; the name is a UUID.

        Raises ``ValueError`` for any other name and ``FileExistsError`` for one in use.
        """
        return FileWriter(self, name, self._ingest_file(name, "x+"), self._progress_from(hashlib.sha256(), 0))

    def has_written(self, name: str, size: int) -> bool:
        try:
            path = self._paths.upload(name)
            return (fresh_size(path) if self._holds.are_shared else os.stat(path).st_size) >= size
        except FileNotFoundError:
            return False

    def resume(self, name: str, size: int) -> FileWriter:
        """See ``ports.blobs.BlobWriters.resume``; the bytes of an earlier process are hashed again."""
        file = self._ingest_file(name, "r+")
        if file.seek(0, os.SEEK_END) > size:
            file.truncate(size)
        size = file.seek(0, os.SEEK_END)
        progress = self._closed_writers.take(name, size)
        if progress is None:
            file.seek(0)
            hasher = hashlib.sha256()
            hashlib.file_digest(file, lambda: hasher)
            progress = self._progress_from(hasher, size)
        return FileWriter(self, name, file, progress)

    def delete(self, digests: Iterable[str]) -> list[int]:
        """See ``ports.blobs.Blobs.delete``; files that are open on the blobs can still be read."""
        with closing(self._holds.unheld(digests)) as free:
            sizes = [self._unlink(digest) for some in free for digest in some]
        return [size for size in sizes if size is not None]

    def hold(self, name: str) -> AbstractContextManager[None]:
        return self._holds.hold(name)

    def require_kept(self, digest: str) -> None:
        """See ``ports.blobs.Blobs.require_kept``.

        The connection of the other node may be the lost one, so the locks of this node do not tell.
        """
        if self._holds.are_shared:
            try:
                fresh_size(self._paths.blob(digest))
            except FileNotFoundError:
                raise StorageFailure(f"another node has deleted {digest} meanwhile; send it again") from None

    def held(self, names: Iterable[str]) -> set[str]:
        return self._holds.held(names)

    def digests(self, after: str = "") -> Iterator[str]:
        return self._listing.digests(after)

    def strays(self) -> Iterator[str]:
        return (path.removeprefix(f"{self._folder}/") for path in self._listing.strays())

    def sweep(self, keep: set[str]) -> int:
        os.makedirs(self._paths.ingest, FOLDER, exist_ok=True)
        with closing(self._holds.unheld(name for name in os.listdir(self._paths.ingest) if name not in keep)) as free:
            return sum(self._drop_all(names) for names in free)

    def clear(self) -> None:
        """Remove all blobs that are not held. If they are many, they are moved away, and a thread deletes their files.

        The caller lets nobody write to the database meanwhile. Files that are shared with other nodes stay for a sweep.
        """
        if not isinstance(self._holds, LocalHolds):
            return
        until = monotonic() + PATIENCE
        for digest in self.digests():
            if monotonic() > until:
                self._discard_all(self._holds)
                return
            self.delete([digest])

    def _discard_all(self, holds: LocalHolds) -> None:
        """Move away all folders and files without a held blob. Held blobs stay in place, where readers find them."""
        with holds.none_begin() as held, self._replacing:
            folder = self._discarded.new_folder()
            for number, path in enumerate(self._listing.without([*filter(is_digest, held)])):
                os.rename(path, f"{folder}/{number}")
        self._discarded.delete(folder)

    def close(self) -> None:
        """Stop to delete the files of removed blobs."""
        self._discarded.close()

    # --- For writers -----------------------------------------------------------------------------------

    def read_ingest(self, name: str) -> FileIO:
        """Open the bytes of an unfinished writer for reading."""
        return FileIO(self._paths.upload(name))

    def drop_ingest(self, name: str) -> None:
        """Remove the bytes of a writer."""
        with suppress(FileNotFoundError):
            os.unlink(self._paths.upload(name))

    def settle(self, name: str, file: FileIO, digest: str) -> None:
        """Turn the verified bytes of a writer into the blob of this digest.

        They replace the file of an existing blob, which the disk may have damaged since it was written.
        """
        path = self._paths.blob(digest)
        if self._durable:
            self._sync_ingest(name, file)
        with self._replacing:
            self._folders.ensure(os.path.dirname(path))
            os.replace(self._paths.upload(name), path)
        self._hashed.add_new(digest, file.fileno())
        with suppress(FileNotFoundError):  # nobody holds the blob, and a reset has moved its folder away
            self._folders.sync(os.path.dirname(path))

    def put_in_place(self, digest: str, source: str) -> None:
        """Give the file of a verified blob a second name here, or copy it; a file that is here already is replaced."""
        path = self._paths.blob(digest)
        if self._durable:
            sync(source)
        with self._replacing:
            self._folders.ensure(os.path.dirname(path))
            put_in_place(source, path)
        self._folders.sync(os.path.dirname(path))

    def remember(self, name: str, progress: Progress) -> None:
        """Keep the hash of a closed writer for the next writer of this name."""
        self._closed_writers.add(name, progress)

    def forget_written(self, name: str) -> None:
        self._closed_writers.forget(name)

    def forget_progress(self) -> None:
        """Forget the hashes of closed writers, whose bytes have been replaced."""
        self._closed_writers.clear()

    def release(self, name: str, file: FileIO) -> None:
        """Close the file of a writer that has ended, and release its name."""
        try:
            if self._holds.are_shared:
                unlock(file)
            file.close()
        finally:
            self._holds.release(name)

    def _progress_from(self, hasher: Hasher, size: int) -> Progress:
        """Return the progress of a writer after ``size`` bytes, whose hash is known."""
        return Progress(ParallelHash(hasher), size, WriteBack(size) if self._durable else None)

    def _ingest_file(self, name: str, mode: str) -> FileIO:
        """Open the file of a writer, whose name is held from before the file exists."""
        path = self._paths.upload(name)
        self._holds.take(name)
        try:
            with storage_failures():
                if mode == "x+":  # users who clean a disk remove folders, too
                    os.makedirs(self._paths.ingest, FOLDER, exist_ok=True)
                file = FileIO(path, mode, opener=owner_only)
                if self._holds.are_shared:
                    lock(file, path)
                return file
        except BaseException:
            self._holds.release(name)
            raise

    def _sync_ingest(self, name: str, file: FileIO) -> None:
        """Sync the bytes of a writer, or drop them: after a failure, the next sync would succeed without them."""
        try:
            os.fsync(file.fileno())
        except OSError:
            self.drop_ingest(name)
            raise

    def _drop_all(self, names: set[str]) -> int:
        for name in names:
            self.drop_ingest(name)
        return len(names)

    def _unlink(self, digest: str) -> int | None:
        """Delete the file of a blob and return its size; None if there is none."""
        with suppress(FileNotFoundError):
            path = self._paths.blob(digest)
            freed = os.stat(path).st_size
            os.unlink(path)
            return freed
        return None

    def _found(self, digest: str) -> os.stat_result | None:
        """Return the attributes of a blob's file, or None. Anything else in its place does not count."""
        try:
            found = os.stat(self._paths.blob(digest))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found if stat.S_ISREG(found.st_mode) else None
