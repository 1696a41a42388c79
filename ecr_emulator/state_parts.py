"""Opens the state of an emulator: the metadata, the blobs, and their snapshots."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from ecr_emulator.settings import Settings
from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.storage.data_directory import DATABASE, IDENTITY
from ecr_emulator.storage.snapshots import StateSnapshots
from ecr_emulator.storage.store import SqlStore
from ecr_emulator.storage.units import Units

MEBIBYTE = 1024 * 1024


class StateMismatch(Exception):
    """The settings name a database that cannot be used, or not with this data directory."""


class StateParts(NamedTuple):
    """The parts of the state."""

    store: Units
    blobs: FileBlobs
    snapshots: StateSnapshots


def open_state(settings: Settings, data_dir: Path, durable: bool) -> StateParts:
    """Open the state. Unfinished blobs that belong to no upload are removed.

    Raises ``StateMismatch``, ``DatabaseTooNew``, ``DatabaseUnreadable`` and ``StorageFailure``.
    """
    store = _open_store(settings, data_dir, durable)
    blobs = FileBlobs(data_dir, durable=durable, reserve=settings.disk_reserve * MEBIBYTE)
    with store.reading() as work:
        blobs.sweep(work.uploads.ids())
    return StateParts(store, blobs, StateSnapshots(store, blobs, data_dir))


def _open_store(settings: Settings, data_dir: Path, durable: bool) -> Units:
    identity = data_dir / IDENTITY
    if settings.database is None:
        if identity.exists():
            raise StateMismatch(f"The metadata of the data directory {data_dir} are in PostgreSQL: use --database")
        return SqlStore(data_dir / DATABASE, durable, settings.event_log_size)
    if settings.data_dir is None:
        raise StateMismatch("--database needs --data-dir: layers are files, and would be gone with a temporary folder")
    if find_spec("psycopg") is None:
        raise StateMismatch("--database needs the driver of PostgreSQL: pip install 'ecr-emulator[postgres]'")
    if (data_dir / DATABASE).stat().st_size:
        raise StateMismatch(f"The data directory {data_dir} has its metadata in {DATABASE}: use it without --database")
    from ecr_emulator.storage.postgres.store import PostgresStore

    store = PostgresStore(settings.database, durable, settings.event_log_size)
    try:
        _require_pair(store.identity(), identity)
    except BaseException:
        store.close()
        raise
    return store


def _require_pair(identity: str, file: Path) -> None:
    """Refuse a database that does not know the layers of the data directory: collection would delete them all."""
    if not file.exists():
        file.write_text(f"{identity}\n", encoding="ascii")
    elif file.read_text(encoding="ascii").strip() != identity:
        raise StateMismatch(f"The data directory {file.parent} belongs to another database than --database names")
