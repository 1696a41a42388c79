"""Failures of the data directory, as ``ports.store`` and ``ports.blobs`` raise them."""

from __future__ import annotations

import errno


class StorageFailure(Exception):
    """The data directory cannot be written: the disk is full, or read-only. Stored data stays and can still be read.

    ``reason`` is for people.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OutOfFiles(StorageFailure):
    """The system lets the process open no more files. This passes as connections and transfers end."""

    def __init__(self) -> None:
        super().__init__("the emulator may open no more files for now; raise their limit (ulimit -n)")

    @staticmethod
    def is_meant_by(error: OSError) -> bool:
        """Whether an error of the system says that no more files may be opened."""
        return error.errno in {errno.EMFILE, errno.ENFILE}
