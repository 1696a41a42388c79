"""Saving the whole state of an emulator to a file, and loading it into this or another one.

The format of the file is imported on first use.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import IO, NamedTuple

from ecr_emulator.companions.state_documents import StateDocuments
from ecr_emulator.ports.time import Clock
from ecr_emulator.private_files import owner_only
from ecr_emulator.storage.disk import storage_failures
from ecr_emulator.storage.snapshots import StateSnapshots
from ecr_emulator.storage.units import Units


class PortableState(NamedTuple):
    """The parts of an emulator that are saved."""

    store: Units
    snapshots: StateSnapshots
    companions: StateDocuments
    clock: Clock


class PortableSnapshots:
    """Portable snapshots of one emulator.

    ``quiet`` waits for running work, and lets none begin within its block; ``after_load`` is done when another state
    has taken the place of this one.
    """

    def __init__(
        self,
        state: PortableState,
        quiet: Callable[[], AbstractContextManager[object]],
        after_load: Sequence[Callable[[], None]],
    ) -> None:
        self._store, self._snapshots, self._companions, self._clock = state
        self._quiet = quiet
        self._after_load = after_load

    def save(self) -> Path:
        """Write everything to a file in a new folder, which the caller removes. Raises ``StorageFailure``."""
        from ecr_emulator.storage.portable import write_portable

        path = self._new_file()
        try:
            with storage_failures():
                with self._quiet():
                    state, documents, now = self._snapshots.snapshot(), self._companions.all(), self._clock.now()
                with closing(state):
                    write_portable(state, documents, now, path)
        except BaseException:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise
        return path

    def load(self, content: IO[bytes]) -> None:
        """Replace everything by the content of a file.

        Raises ``SnapshotUnreadable`` and ``StorageFailure``; nothing has changed then.
        """
        from ecr_emulator.storage.portable import CHUNK

        path = self._new_file()
        try:
            with storage_failures():
                with open(path, "wb", opener=owner_only) as file:
                    shutil.copyfileobj(content, file, CHUNK)
                self._load(path)
        finally:
            shutil.rmtree(path.parent, ignore_errors=True)

    def _load(self, path: Path) -> None:
        from ecr_emulator.storage.portable import SnapshotUnreadable, read_portable

        signing_key = self._store.signing_key()
        state, documents = read_portable(path, path.parent, signing_key)
        with closing(state):
            try:
                replace_companions = self._companions.replacement(documents)
            except (ValueError, LookupError, TypeError, AttributeError) as broken:
                names = ", ".join(documents)
                raise SnapshotUnreadable(f"It is damaged: its {names} cannot be read: {broken!r}") from broken
            with self._quiet():
                self._snapshots.restore(state)
                replace_companions()
                for action in self._after_load:
                    action()

    def _new_file(self) -> Path:
        """Return a path in a new folder of the data directory, where nothing outlives the process."""
        return self._snapshots.new_folder() / "snapshot.tar"
