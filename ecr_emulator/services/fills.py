"""A blob on its way in from an upstream, and the readers that follow it."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from threading import Condition
from typing import BinaryIO

from ecr_emulator.errors import UpstreamFailure, UpstreamUnavailable
from ecr_emulator.ports import BlobWriter

HOLD_BACK = 64 * 1024
"""So many last bytes reach no reader before the digest is verified: nobody gets a complete wrong blob."""
STEP = 128 * 1024
"""Readers get at most this many bytes at a time; the server keeps about nine such pieces for each slow one.

Twice as much would serve a fast reader a fifth faster, and let every slow one hold 2 MiB.
"""


def read_span(file: BinaryIO, start: int, stop: int) -> Generator[bytes, None, None]:
    """The bytes of a blob's file from start up to stop; closes the file. Raises ``OSError`` if it ends early."""
    with closing(file):
        file.seek(start)
        while start < stop:
            chunk = file.read(min(STEP, stop - start))
            if not chunk:
                raise OSError(f"a blob ends {stop - start} bytes early")
            start += len(chunk)
            yield chunk


class Fill:
    """One download that writes a blob, whatever happens to its readers.

    Readers go at their own pace: each has its own file on the growing bytes, so a slow one costs no memory.
    """

    def __init__(self, digest: str, size: int, writer: BlobWriter) -> None:
        self._digest = digest
        self._size = size
        self._writer = writer
        self._changed = Condition()
        self._written = 0
        self._verified = False
        self._failure: UpstreamFailure | None = None

    @property
    def has_failed(self) -> bool:
        """Whether it is no use to follow it."""
        return self._failure is not None

    def run(self, chunks: Iterable[bytes]) -> None:
        """Write the chunks and make the blob. Raises what goes wrong, after telling the readers."""
        try:
            for chunk in chunks:
                self._writer.write(chunk)
                self._progress(len(chunk))
            if self._written != self._size or not self._writer.commit(self._digest):
                raise self._mismatch()
        except UpstreamFailure as failure:
            self.fail(failure)
            raise
        except Exception as unforeseen:
            self.fail(UpstreamUnavailable(f"storing {self._digest} failed: {unforeseen}"))
            raise
        with self._changed:
            self._verified = True
            self._changed.notify_all()

    def follow(self, start: int, stop: int) -> Generator[bytes, None, None]:
        """The bytes from start up to stop as they arrive. Raises ``UpstreamFailure`` if the download fails."""
        with closing(self._open()) as file:
            file.seek(start)
            while start < stop:
                reachable = min(self._await_beyond(start), stop)
                while start < reachable:
                    chunk = file.read(min(STEP, reachable - start))
                    if not chunk:
                        raise OSError(f"the bytes of {self._digest} are gone from under its readers")
                    start += len(chunk)
                    yield chunk

    def wait(self) -> None:
        """Wait for the end of the download. Raises ``UpstreamFailure`` if it fails."""
        with self._changed:
            self._changed.wait_for(lambda: self._verified or self._failure)
            if self._failure:
                raise self._failure

    def fail(self, failure: UpstreamFailure) -> None:
        """Give the download up and tell the readers why."""
        with self._changed:
            self._failure = failure
            self._writer.abandon()
            self._changed.notify_all()

    def _open(self) -> BinaryIO:
        with self._changed:
            if self._failure:
                raise self._failure
            try:
                return self._writer.reader()
            except FileNotFoundError:
                raise self._mismatch() from None

    def _await_beyond(self, position: int) -> int:
        with self._changed:
            self._changed.wait_for(lambda: self._verified or self._failure or self._released() > position)
            if self._failure:
                raise self._failure
            return self._size if self._verified else self._released()

    def _mismatch(self) -> UpstreamUnavailable:
        return UpstreamUnavailable(f"the upstream sent other bytes than {self._digest}")

    def _released(self) -> int:
        return min(self._written, self._size - HOLD_BACK)

    def _progress(self, count: int) -> None:
        with self._changed:
            self._written += count
            self._changed.notify_all()
