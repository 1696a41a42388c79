"""The files whose hash was right, which need not be read again as long as they are unchanged."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from io import FileIO
from threading import Lock

from ecr_emulator.domain.names import algorithm_of

REMEMBERED = 10_000
"""Maximum number of files to remember. A forgotten file is read again."""

SECOND = 1_000_000_000
"""Nanoseconds in a second."""

_Marks = tuple[int, int, int]


class Hashed:
    """Inode, size and modification time of files when they were hashed, by digest. A later change shows in them."""

    def __init__(self) -> None:
        self._marks: OrderedDict[str, _Marks] = OrderedDict()
        self._lock = Lock()

    def add_new(self, digest: str, handle: int) -> None:
        """Remember a file that has just been written, by its descriptor.

        The file is dated one second back: clocks of file systems are coarse, and an immediate change must show, too.
        """
        file = os.fstat(handle)
        os.utime(handle, ns=(file.st_atime_ns, file.st_mtime_ns - SECOND))
        self.add(digest, os.fstat(handle))

    def add(self, digest: str, file: os.stat_result) -> None:
        """Remember that a file has the bytes of its digest."""
        with self._lock:
            self._marks[digest] = _marks(file)
            self._marks.move_to_end(digest)
            if len(self._marks) > REMEMBERED:
                self._marks.popitem(last=False)

    def was_touched(self, digest: str, file: os.stat_result) -> bool:
        """Return whether a file was hashed and has changed since."""
        known = self._marks.get(digest)
        return known is not None and known != _marks(file)

    def has(self, digest: str, file: os.stat_result) -> bool:
        """Return whether a file was hashed and has not changed since."""
        return self._marks.get(digest) == _marks(file)


def _marks(file: os.stat_result) -> _Marks:
    return file.st_ino, file.st_size, file.st_mtime_ns


def has_digest(file: FileIO, digest: str) -> bool:
    """Return whether a file has the bytes of a digest; False if the disk cannot read them."""
    try:
        return hashlib.file_digest(file, algorithm_of(digest)).hexdigest() == digest.partition(":")[2]
    except OSError:
        return False
