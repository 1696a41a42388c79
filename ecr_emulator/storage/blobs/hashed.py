"""Which files have been hashed and found right, so that they are not read again without a reason."""

from __future__ import annotations

import os
from collections import OrderedDict
from threading import Lock

REMEMBERED = 10_000
"""So many files are known; of those that are forgotten the bytes are read again."""

SECOND = 1_000_000_000
"""In nanoseconds."""

_Marks = tuple[int, int, int]


class Hashed:
    """Files by digest, as they were when they were hashed. One that was changed since has other marks."""

    def __init__(self) -> None:
        self._marks: OrderedDict[str, _Marks] = OrderedDict()
        self._lock = Lock()

    def add_new(self, digest: str, handle: int) -> None:
        """Remember a file that has just been written, by its descriptor.

        It is dated a second back: clocks of file systems are coarse, and what changes it at once must be seen as well.
        """
        file = os.fstat(handle)
        os.utime(handle, ns=(file.st_atime_ns, file.st_mtime_ns - SECOND))
        self.add(digest, os.fstat(handle))

    def add(self, digest: str, file: os.stat_result) -> None:
        """Remember that a file has the bytes that its name says."""
        with self._lock:
            self._marks[digest] = _marks(file)
            self._marks.move_to_end(digest)
            if len(self._marks) > REMEMBERED:
                self._marks.popitem(last=False)

    def was_touched(self, digest: str, file: os.stat_result) -> bool:
        """Whether a file was hashed, and has been changed since."""
        return self._marks.get(digest, _marks(file)) != _marks(file)

    def has(self, digest: str, file: os.stat_result) -> bool:
        """Whether a file was hashed, and has not been changed since."""
        return self._marks.get(digest) == _marks(file)


def _marks(file: os.stat_result) -> _Marks:
    return file.st_ino, file.st_size, file.st_mtime_ns
