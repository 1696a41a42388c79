"""Opens the state of an emulator: the metadata, the blobs, and their snapshots."""

from __future__ import annotations

from contextlib import ExitStack, closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ecr_emulator.blob_parts import OpenBlobs, open_blobs
from ecr_emulator.ports.leases import Lease, OwnLease
from ecr_emulator.ports.nodes import ANOTHER_STATE
from ecr_emulator.ports.turns import Turns
from ecr_emulator.services.local_turns import LocalTurns
from ecr_emulator.settings import Settings
from ecr_emulator.state_binding import StateMismatch
from ecr_emulator.storage.blobs.holds import Holds, LocalHolds
from ecr_emulator.storage.data_directory import DATABASE, IDENTITY
from ecr_emulator.storage.snapshots import StateSnapshots
from ecr_emulator.storage.store import SqlStore
from ecr_emulator.storage.units import Units

if TYPE_CHECKING:
    from ecr_emulator.storage.postgres.session_locks import SessionLocks


class StateParts(NamedTuple):
    """The parts of the state. ``locks`` are those of this node, None if no other node can use the state."""

    store: Units
    blobs: OpenBlobs
    snapshots: StateSnapshots
    locks: SessionLocks | None

    def turns(self) -> Turns:
        """Return the turns of requests on the same upload."""
        if self.locks is None:
            return LocalTurns()
        from ecr_emulator.storage.postgres.shared_turns import SharedTurns

        return SharedTurns(self.locks)

    def lease(self, work: str) -> Lease:
        """Return the lease of some work that one node at a time does."""
        if self.locks is None:
            return OwnLease()
        from ecr_emulator.storage.postgres.lock_leases import LockLease

        return LockLease(self.locks, work)

    def close(self) -> None:
        """Close all parts."""
        self.snapshots.close()
        self.store.close()
        self.blobs.close()
        if self.locks:
            self.locks.close()


def open_state(settings: Settings, data_dir: Path, durable: bool) -> StateParts:
    """Open the state. Unfinished blobs that belong to no upload are removed.

    Raises ``StateMismatch``, ``DatabaseTooNew``, ``DatabaseUnreadable`` and ``StorageFailure``.
    """
    _require_places(settings)
    with ExitStack() as opened:
        store = opened.enter_context(closing(open_store(settings, data_dir, durable)))
        locks = _open_locks(settings)
        if locks:
            opened.enter_context(closing(locks))
        blobs, copies = open_blobs(settings, store, data_dir, durable, _open_holds(locks))
        opened.enter_context(closing(blobs))
        with store.writing(frees=True) if locks else store.reading() as work:  # other nodes can begin no upload then
            blobs.sweep(work.uploads.ids())
        if store.other_nodes:
            store.other_nodes.at_news(ANOTHER_STATE, blobs.forget_progress)
        opened.pop_all()
        return StateParts(store, blobs, StateSnapshots(store, blobs, copies, data_dir), locks)


def _require_places(settings: Settings) -> None:
    """Refuse settings that would keep only the metadata, or only the layers."""
    if settings.data_dir is not None:
        return
    if settings.database is not None and settings.blobs is None:
        raise StateMismatch("--database needs --blobs or --data-dir: layers would be gone with a temporary folder")
    if settings.blobs is not None and settings.database is None:
        raise StateMismatch("--blobs needs --database or --data-dir: nobody would know which layers are needed")


def open_store(settings: Settings, data_dir: Path, durable: bool) -> Units:
    """Open the metadata. Raises what ``open_state`` does."""
    if settings.database is None:
        if (data_dir / IDENTITY).exists():
            raise StateMismatch(f"The metadata of the data directory {data_dir} are in PostgreSQL: use --database")
        return SqlStore(data_dir / DATABASE, durable, settings.event_log_size)
    if find_spec("psycopg") is None:
        raise StateMismatch("--database needs the driver of PostgreSQL: pip install 'ecr-emulator[postgres]'")
    if (data_dir / DATABASE).stat().st_size:
        raise StateMismatch(f"The data directory {data_dir} has its metadata in {DATABASE}: use it without --database")
    if settings.blobs is None:
        from ecr_emulator.storage.postgres.store import PostgresStore

        return PostgresStore(settings.database, durable, settings.event_log_size)
    from ecr_emulator.storage.postgres.shared_store import SharedPostgresStore

    return SharedPostgresStore(settings.database, durable, settings.event_log_size)


def _open_locks(settings: Settings) -> SessionLocks | None:
    """Return the locks towards other nodes; None if no other node can use both the database and the blobs."""
    if settings.database is None or settings.blobs is None:
        return None
    from ecr_emulator.storage.postgres.session_locks import SessionLocks

    return SessionLocks(settings.database)


def _open_holds(locks: SessionLocks | None) -> Holds:
    if locks is None:
        return LocalHolds()
    from ecr_emulator.storage.postgres.shared_holds import SharedHolds

    return SharedHolds(locks)
