"""Let the disk write a large blob while the rest of it arrives."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from io import FileIO

STEP = 8 * 1024 * 1024
"""Bytes after which the disk begins to write them, so that the sync at the end is short."""

_threads = ThreadPoolExecutor(os.cpu_count(), "blob-write-back")


class WriteBack:
    """Lets the disk write the bytes of one file, at least ``STEP`` at a time, from ``begun`` on.

    Another thread requests it: while the disk is busy, the system lets a thread wait that requests more. The next step
    then covers all bytes that arrived meanwhile.
    """

    def __init__(self, begun: int = 0) -> None:
        self._begun = begun
        self._step: Future[None] | None = None

    def advance(self, file: FileIO, size: int) -> None:
        """Let the disk write further bytes if ``size`` bytes of the file are enough for a step."""
        if size - self._begun >= STEP and (self._step is None or self._step.done()):
            with suppress(OSError):  # without a free descriptor, the next call tries again
                # The thread has a descriptor of its own, because the file may be closed before it runs.
                self._step = _threads.submit(_begin, os.dup(file.fileno()), self._begun, size)
                self._begun = size


def _begin(handle: int, start: int, stop: int) -> None:
    """Let the disk begin to write bytes of a file. The sync at the end reports failures.

    Linux does so when it learns that bytes are not needed soon. They stay in memory as long as they are not written.
    Other systems write them with the sync at the end.
    """
    try:
        if hasattr(os, "posix_fadvise"):
            with suppress(OSError):
                os.posix_fadvise(handle, start, stop - start, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)
