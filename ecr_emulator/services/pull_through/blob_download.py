"""The download of one blob from an upstream, and the readers that receive its bytes meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from io import BytesIO
from threading import Condition
from time import monotonic
from typing import BinaryIO, Protocol

from ecr_emulator.ports.blobs import BlobWriter
from ecr_emulator.ports.shared_fetches import ArrivingBlob
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.upstream_failures import UpstreamFailure, UpstreamNotStored, UpstreamUnavailable, WrongBytes
from ecr_emulator.services.piece_sizes import DOWNLOADS
from ecr_emulator.services.pull_through.client_wait import CLIENT_WAIT
from ecr_emulator.services.pull_through.uncached_blob import HOLD_BACK, Source, UncachedBlob

FEW_READERS = 8
"""Number of readers up to which all of them are woken for every piece that arrives."""
SECONDS_EACH = 0.01
"""Seconds for each reader between two wake-ups of more readers, so that waking them takes little of the processor."""


class Attempt(Protocol):
    """The bytes of one attempt to write a blob, by this node or another one."""

    def reader(self) -> BinaryIO:
        """Open the bytes so far, positioned at 0. Raises ``FileNotFoundError`` if the attempt has failed."""


class BlobDownload:
    """One download that writes a blob; it goes on when its readers leave.

    Each reader has its own file on the growing bytes and reads at its own pace, so a slow one costs no memory. A reader
    goes on with the bytes of a later attempt if that begins with the bytes that the reader has sent. If the bytes
    cannot be stored, each reader fetches the missing ones itself.

    While another node writes the blob, ``read_from`` and ``note_progress`` lead the readers to its bytes.
    """

    def __init__(self, digest: str, size: int, source: Source) -> None:
        self._digest = digest
        self._size = size
        self._source = source
        self._changed = Condition()
        self._attempt: Attempt | None = None
        self._writer: BlobWriter | None = None
        self._written = 0
        self._readers = 0
        self._woken_at = 0.0
        self._verified = False
        self._storage_failure: StorageFailure | None = None
        self._failure: UpstreamFailure | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be written."""
        return self._verified or self._failure is not None or self._storage_failure is not None

    @property
    def is_stored(self) -> bool:
        """Whether the blob is stored."""
        return self._verified

    @property
    def claim(self) -> int:
        """Bytes that it has still to write to the disk."""
        return 0 if self._writer is None or self.is_over else self._size - self._written

    def run(
        self, begin: Callable[[], BlobWriter], distrust: Callable[[], None], arrived: ArrivingBlob | None = None
    ) -> None:
        """Write the bytes and store the blob. Tell the readers of a failure, and raise it.

        ``arrived`` are the bytes that another node has fetched: only the rest is fetched. If the bytes are wrong,
        ``distrust`` is called, and they are fetched once more from the first one on.
        """
        try:
            if not self._write(begin(), arrived):
                distrust()
                if not self._write(begin(), None):
                    raise WrongBytes.instead_of(self._digest)
        except StorageFailure as failure:
            self._leave_to_readers(failure)
            raise
        except UpstreamFailure as failure:
            self.fail(failure)
            raise
        except Exception:
            self.fail(UpstreamUnavailable(f"fetching {self._digest} failed; the log of the emulator says why"))
            raise

    def follow(self, start: int, stop: int) -> Generator[bytes, None, None]:
        """Yield the bytes from start up to stop as they arrive; an empty chunk first if none comes for a long time.

        Raises ``UpstreamFailure`` if the download fails.
        """
        with self._counted_reader():
            yield from self._follow(start, stop)

    def _follow(self, start: int, stop: int) -> Generator[bytes, None, None]:
        if not self._is_ready(start, CLIENT_WAIT):
            yield b""
        position, sent = start, None
        with ExitStack() as files:
            while position < stop:
                attempt = self._await_attempt()
                if attempt is None:
                    yield from self._uncached(sent or BytesIO(), position if sent else 0, position, stop)
                    return
                file = self._open(attempt)
                if file is None:
                    continue
                files.enter_context(closing(file))
                if sent and self._await_beyond(attempt, position - 1) < position:
                    continue
                if sent and not _have_same_bytes(sent, file, start, position):
                    raise WrongBytes.instead_of(self._digest)
                sent = file
                for chunk in self._read(attempt, file, position, stop):
                    position += len(chunk)
                    yield chunk

    def wait(self) -> None:
        """Wait until the blob is stored. Raises ``UpstreamFailure`` if it cannot be."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_over)
            if self._failure:
                raise self._failure
            if self._storage_failure:
                raise UpstreamNotStored(f"{self._digest} is not cached: {self._storage_failure.reason}")

    def fail(self, failure: UpstreamFailure) -> None:
        """End the download, unless it has ended, and tell the readers why."""
        with self._changed:
            if not self.is_over:
                self._failure = failure
                self._abandon()

    # --- Bytes that another node writes --------------------------------------------------------------------

    def read_from(self, attempt: Attempt) -> None:
        """Let readers read the bytes of an attempt of another node."""
        with self._changed:
            self._attempt, self._written = attempt, 0
            self._changed.notify_all()

    def note_progress(self, written: int) -> None:
        """Wake the readers if another node has written more bytes."""
        if written > self._written:
            self._progress(written)

    def end(self, stored: Attempt | None = None) -> None:
        """End the download: another node has stored the blob, with the bytes of the last attempt or with others."""
        with self._changed:
            self._attempt = stored or self._attempt
            self._verified = True
            self._changed.notify_all()

    # --- Writing -----------------------------------------------------------------------------------------

    def _write(self, writer: BlobWriter, arrived: ArrivingBlob | None) -> bool:
        """Fetch and store the blob; return whether its bytes were right."""
        with self._changed:
            self._attempt, self._writer, self._written = writer, writer, 0
            self._changed.notify_all()
        with closing(self._chunks(arrived)) as chunks:
            for chunk in chunks:
                try:
                    writer.write(chunk)
                finally:
                    self._progress(writer.size)
        verified = writer.size == self._size and writer.commit(self._digest)
        with self._changed:
            self._verified = verified
            if not verified:
                self._abandon()
                self._attempt = self._writer = None
            self._changed.notify_all()
        return verified

    def _chunks(self, arrived: ArrivingBlob | None) -> Generator[bytes, None, None]:
        """Yield the bytes that another node has fetched, and then those that it has not."""
        count = 0
        if arrived:
            with closing(arrived.reader()) as file:
                while chunk := file.read(min(DOWNLOADS.size, self._size - count)):
                    count += len(chunk)
                    yield chunk
        with closing(self._source(count)) as rest:
            yield from rest

    def _progress(self, written: int) -> None:
        with self._changed:
            self._written = written
            now, pause = monotonic(), self._readers * SECONDS_EACH if self._readers > FEW_READERS else 0.0
            if now - self._woken_at >= pause:
                self._woken_at = now
                self._changed.notify_all()

    def _leave_to_readers(self, failure: StorageFailure) -> None:
        with self._changed:
            self._storage_failure = failure
            self._abandon()

    def _abandon(self) -> None:
        if self._writer:
            self._writer.abandon()
        self._changed.notify_all()

    # --- Reading -----------------------------------------------------------------------------------------

    @contextmanager
    def _counted_reader(self) -> Iterator[None]:
        with self._changed:
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1

    def _read(self, attempt: Attempt, file: BinaryIO, position: int, stop: int) -> Generator[bytes, None, None]:
        """Yield the bytes of one attempt, up to stop, or to the end of the attempt."""
        with DOWNLOADS.transfer():
            file.seek(position)
            while position < stop:
                reachable = min(self._await_beyond(attempt, position), stop)
                if reachable <= position:
                    break
                while position < reachable:
                    chunk = file.read(min(DOWNLOADS.size, reachable - position))
                    if not chunk:
                        raise OSError(f"the bytes of {self._digest} were deleted while clients read them")
                    position += len(chunk)
                    yield chunk
            if position < stop and self._storage_failure:
                yield from self._uncached(file, self._written, position, stop)

    def _uncached(self, known: BinaryIO, count: int, start: int, stop: int) -> Generator[bytes, None, None]:
        return UncachedBlob(self._digest, self._size, self._source, known, count).chunks(start, stop)

    def _open(self, attempt: Attempt) -> BinaryIO | None:
        """Open the bytes of an attempt; None if the attempt failed."""
        with self._changed:
            try:
                return attempt.reader()
            except FileNotFoundError:
                if self._verified:
                    raise  # stored, and deleted since
                self._changed.wait_for(lambda: self.is_over or self._attempt is not attempt)
                return None

    def _await_attempt(self) -> Attempt | None:
        """Wait for the attempt under way; None if the blob cannot be stored."""
        with self._changed:
            self._changed.wait_for(lambda: self._attempt or self.is_over)
            if self._failure:
                raise self._failure
            return None if self._storage_failure else self._attempt

    def _await_beyond(self, attempt: Attempt, position: int) -> int:
        """Wait until readers may read beyond a position; return how far. 0 if the attempt failed."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_over or self._attempt is not attempt or self._released() > position)
            if self._failure:
                raise self._failure
            if self._attempt is not attempt:
                return 0
            return self._size if self._verified else self._released()

    def _is_ready(self, position: int, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.is_over or self._released() > position, timeout)

    def _released(self) -> int:
        return min(self._written, self._size - HOLD_BACK)


def _have_same_bytes(one: BinaryIO, other: BinaryIO, start: int, stop: int) -> bool:
    """Return whether two files have the same bytes from start up to stop."""
    one.seek(start)
    other.seek(start)
    while start < stop:
        count = min(DOWNLOADS.size, stop - start)
        chunk = one.read(count)
        if not chunk or other.read(len(chunk)) != chunk:
            return False
        start += len(chunk)
    return True
