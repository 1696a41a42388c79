"""Saving the whole state of an emulator to a file, and loading it into this or another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from ecr_emulator.companions.secrets import CompanionSecrets
from ecr_emulator.ports.time import Clock
from ecr_emulator.storage.portable import SnapshotUnreadable, read_portable, write_portable
from ecr_emulator.storage.snapshots import StateSnapshots
from ecr_emulator.storage.store import SqlStore


class PortableState(NamedTuple):
    """The parts of an emulator that are saved."""

    store: SqlStore
    snapshots: StateSnapshots
    secrets: CompanionSecrets
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
        self._store, self._snapshots, self._secrets, self._clock = state
        self._quiet = quiet
        self._after_load = after_load

    def new_file(self) -> Path:
        """Return a path for a file in the data directory, where nothing outlives the process."""
        return self._snapshots.new_folder() / "snapshot.tar"

    def save(self, path: Path) -> None:
        """Write everything to a file. Raises ``StorageFailure`` and ``OSError``."""
        with self._quiet():
            write_portable(self._snapshots.snapshot(), self._secrets.as_document(), self._clock.now(), path)

    def load(self, path: Path) -> None:
        """Replace everything by what is in a file.

        Raises ``SnapshotUnreadable``, ``StorageFailure`` and ``OSError``; nothing has changed then.
        """
        signing_key = self._store.signing_key()
        state, secrets = read_portable(path, self._snapshots.new_folder(), signing_key)
        try:
            put_secrets = self._secrets.replacement(secrets)
        except (ValueError, LookupError, TypeError, AttributeError) as broken:
            raise SnapshotUnreadable(f"It is damaged: its secrets cannot be read: {broken!r}") from broken
        with self._quiet():
            self._snapshots.restore(state)
            put_secrets()
            for action in self._after_load:
                action()
