"""The database and the blobs that belong together. With another database, collection would delete all blobs."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from ecr_emulator.storage.data_directory import BLOBS_ELSEWHERE, IDENTITY
from ecr_emulator.storage.links import link_or_copy
from ecr_emulator.storage.store import SqlStore
from ecr_emulator.storage.units import Units
from ecr_emulator.synced_files import sync


class StateMismatch(Exception):
    """The settings name a database or blobs that cannot be used, or not together."""


def require_local_blobs(store: Units, data_dir: Path) -> None:
    """Refuse a database whose blobs are not those of the data directory. Raises ``StateMismatch``."""
    elsewhere = (data_dir / BLOBS_ELSEWHERE).exists() if isinstance(store, SqlStore) else store.has_blobs_elsewhere()
    if elsewhere:
        raise StateMismatch(f"The layers of this database are not in the data directory {data_dir}: use --blobs")
    if not isinstance(store, SqlStore):
        owner = _read_or_create(data_dir / IDENTITY, store.identity())
        if owner != store.identity():
            raise StateMismatch(f"The data directory {data_dir} belongs to another database than --database names")


def require_blobs_elsewhere(store: Units, data_dir: Path, blobs: Path) -> None:
    """Bind a database to a folder of blobs, or refuse the folder if it is another one's. Raises ``StateMismatch``."""
    if (data_dir / IDENTITY).exists() or _has_blobs(data_dir):
        raise StateMismatch(f"The data directory {data_dir} has layers of its own: use it without --blobs")
    if not (blobs / IDENTITY).exists() and _has_blobs(blobs):
        raise StateMismatch(f"The folder of blobs {blobs} has layers that belong to another database")
    identity = _identity(store, data_dir)
    if _read_or_create(blobs / IDENTITY, identity) != identity:
        raise StateMismatch(f"The folder of blobs {blobs} belongs to another database")


def _identity(store: Units, data_dir: Path) -> str:
    """Return the identity of a database. That of SQLite is in a file, because saved states replace all its rows."""
    if isinstance(store, SqlStore):
        return _read_or_create(data_dir / BLOBS_ELSEWHERE, store.identity())
    store.remember_blobs_elsewhere()
    return store.identity()


def _has_blobs(folder: Path) -> bool:
    return any(files for _, _, files in os.walk(folder / "blobs"))


def _read_or_create(file: Path, identity: str) -> str:
    """Return the identity in a file, which is created whole if there is none."""
    if file.exists():
        return file.read_text(encoding="ascii").strip()
    handle, new = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    with open(handle, "w", encoding="ascii") as out:
        out.write(f"{identity}\n")
        out.flush()
        os.fsync(out.fileno())
    with suppress(FileExistsError):
        link_or_copy(new, os.fspath(file))
    os.unlink(new)
    sync(file.parent)
    return file.read_text(encoding="ascii").strip()
