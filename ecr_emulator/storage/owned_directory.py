"""The data directory of an emulator, which it owns while it runs."""

from __future__ import annotations

from pathlib import Path

from ecr_emulator.storage.data_directory import TemporaryDataDirectory, prepare
from ecr_emulator.storage.first_start import FirstStart
from ecr_emulator.storage.ownership import Ownership


class OwnedDataDirectory:
    """A data directory that is prepared, and owned by this process until ``close``.

    Without a ``folder`` it is a new one, which ``close`` removes. Raises ``DataDirectoryInUse``, and ``OSError`` with
    the path that cannot be used.
    """

    def __init__(self, folder: Path | None) -> None:
        self._temporary = TemporaryDataDirectory() if folder is None else None
        self.path = Path(self._temporary.name) if self._temporary else Path(folder or "")
        self._start = FirstStart(self.path)
        prepare(self.path)
        self._ownership = Ownership(self.path)
        self._start.own()

    @property
    def kept(self) -> Path | None:
        """The directory if it outlives this process, else None."""
        return None if self._temporary else self.path

    def close_after_failure(self) -> None:
        """Release the directory after a start that has failed. If it was the first one, remove what it has left."""
        self._start.undo()
        self.close()

    def close(self) -> None:
        """Release the directory, and remove it if it is a temporary one."""
        self._ownership.close()
        if self._temporary:
            self._temporary.cleanup()
