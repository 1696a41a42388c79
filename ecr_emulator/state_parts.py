"""Opens the state of an emulator: the metadata, the blobs, and their snapshots."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.settings import Settings
from ecr_emulator.state_binding import StateMismatch, require_blobs_elsewhere, require_local_blobs
from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.storage.data_directory import DATABASE, IDENTITY
from ecr_emulator.storage.snapshots import StateSnapshots
from ecr_emulator.storage.store import SqlStore
from ecr_emulator.storage.units import Units
from ecr_emulator.synced_files import make_folder

MEBIBYTE = 1024 * 1024


class StateParts(NamedTuple):
    """The parts of the state."""

    store: Units
    blobs: FileBlobs
    snapshots: StateSnapshots


def open_state(settings: Settings, data_dir: Path, durable: bool) -> StateParts:
    """Open the state. Unfinished blobs that belong to no upload are removed.

    Raises ``StateMismatch``, ``DatabaseTooNew``, ``DatabaseUnreadable`` and ``StorageFailure``.
    """
    _require_places(settings)
    store = _open_store(settings, data_dir, durable)
    try:
        folder = _blob_folder(settings.blobs, store, data_dir)
        blobs = FileBlobs(folder, durable=durable, reserve=settings.disk_reserve * MEBIBYTE)
        with store.reading() as work:
            blobs.sweep(work.uploads.ids())
        return StateParts(store, blobs, StateSnapshots(store, blobs, folder, data_dir))
    except BaseException:
        store.close()
        raise


def _require_places(settings: Settings) -> None:
    """Refuse settings that would keep only the metadata, or only the layers."""
    if settings.data_dir is not None:
        return
    if settings.database is not None and settings.blobs is None:
        raise StateMismatch("--database needs --blobs or --data-dir: layers would be gone with a temporary folder")
    if settings.blobs is not None and settings.database is None:
        raise StateMismatch("--blobs needs --database or --data-dir: nobody would know which layers are needed")


def _blob_folder(blobs: Path | None, store: Units, data_dir: Path) -> Path:
    """Return the folder of the blobs, which belongs to the database."""
    if blobs is None:
        require_local_blobs(store, data_dir)
        return data_dir
    try:
        make_folder(blobs)
        require_blobs_elsewhere(store, data_dir, blobs)
    except OSError as failure:
        raise StorageFailure(f"The folder of blobs {blobs} cannot be used: {failure.strerror}") from None
    return blobs


def _open_store(settings: Settings, data_dir: Path, durable: bool) -> Units:
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
