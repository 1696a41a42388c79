"""Failures of the data directory, as ``ports.store`` and ``ports.blobs`` raise them."""

from __future__ import annotations

import errno


class StorageFailure(Exception):
    """The data directory cannot be written: the disk is full or read-only. Stored data can still be read.

    ``reason`` is a sentence for users.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OutOfFiles(StorageFailure):
    """The process has as many open files as the system allows. This passes when connections and transfers end."""

    def __init__(self) -> None:
        super().__init__("the emulator may open no more files for now; raise their limit (ulimit -n)")

    @staticmethod
    def is_meant_by(error: OSError) -> bool:
        """Return whether a system error means that the process may open no more files."""
        return error.errno in {errno.EMFILE, errno.ENFILE}
