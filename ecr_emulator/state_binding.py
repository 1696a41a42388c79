"""The database and the blobs that belong together. With another database, collection would delete all blobs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from ecr_emulator.storage.data_directory import BLOBS_ELSEWHERE, IDENTITY
from ecr_emulator.storage.links import link_or_copy
from ecr_emulator.storage.store import SqlStore
from ecr_emulator.storage.units import Units
from ecr_emulator.synced_files import remove, sync

_ANOTHER_PLACE = "Use that database, or name another place with --blobs"


class StateMismatch(Exception):
    """The settings name a database or blobs that cannot be used, or not together."""


class BlobOwner(Protocol):
    """A place for blobs, which belongs to one database. Its text names it at the beginning of a sentence."""

    def has_blobs(self) -> bool:
        """Return whether there are blobs."""

    def owner(self) -> str | None:
        """Return the identity of the database; None if the place belongs to none."""

    def claim(self, identity: str) -> str:
        """Let the place belong to a database unless it belongs to another. Return the identity of its database."""


def require_local_blobs(store: Units, data_dir: Path) -> None:
    """Refuse a database whose blobs are not those of the data directory. Raises ``StateMismatch``."""
    elsewhere = (data_dir / BLOBS_ELSEWHERE).exists() if isinstance(store, SqlStore) else store.has_blobs_elsewhere()
    if elsewhere:
        raise StateMismatch(f"The layers of this database are not in the data directory {data_dir}: use --blobs")
    if not isinstance(store, SqlStore):
        owner = _read_or_create(data_dir / IDENTITY, store.identity())
        if owner != store.identity():
            raise StateMismatch(f"The data directory {data_dir} belongs to another database than --database names")


def require_blobs_elsewhere(store: Units, data_dir: Path, blobs: BlobOwner) -> None:
    """Bind a database to blobs, or refuse them if they are another one's. Raises ``StateMismatch``."""
    if (data_dir / IDENTITY).exists() or _has_blobs(data_dir):
        hint = "use it without --blobs, or move them with `ecr-emulator migrate`"
        raise StateMismatch(f"The data directory {data_dir} has layers of its own: {hint}")
    bind_elsewhere(store, data_dir, blobs)


def bind_elsewhere(
    store: Units, data_dir: Path, blobs: BlobOwner, copy_blobs: Callable[[], None] = lambda: None
) -> None:
    """Bind a database to blobs that are not in the data directory, after ``copy_blobs``. Raises ``StateMismatch``."""
    owner = blobs.owner()
    if owner is None and blobs.has_blobs():
        raise StateMismatch(f"{blobs} has layers that belong to another database. {_ANOTHER_PLACE}")
    if owner is not None and not _has_identity(store, data_dir):  # a new database, which gets no identity in vain
        raise StateMismatch(f"{blobs} belongs to another database. {_ANOTHER_PLACE}")
    identity = _identity(store, data_dir)
    if (owner or blobs.claim(identity)) != identity:
        raise StateMismatch(f"{blobs} belongs to another database. {_ANOTHER_PLACE}")
    copy_blobs()
    if isinstance(store, SqlStore):
        _read_or_create(data_dir / BLOBS_ELSEWHERE, identity)
    else:
        store.remember_blobs_elsewhere()
        remove(data_dir / IDENTITY)


def is_bound_elsewhere(store: Units, data_dir: Path, blobs: BlobOwner) -> bool:
    """Return whether a database is bound to these blobs."""
    return blobs.owner() == _identity(store, data_dir)


def bind_here(store: Units, data_dir: Path) -> None:
    """Bind a database to the blobs of its data directory, which were elsewhere before."""
    if isinstance(store, SqlStore):
        remove(data_dir / BLOBS_ELSEWHERE)
    else:
        _read_or_create(data_dir / IDENTITY, store.identity())
        store.forget_blobs_elsewhere()


class BlobFolder:
    """``BlobOwner`` of a folder. All methods raise ``OSError``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __str__(self) -> str:
        return f"The folder of blobs {self._folder}"

    def has_blobs(self) -> bool:
        return _has_blobs(self._folder)

    def owner(self) -> str | None:
        return _read(self._folder / IDENTITY)

    def claim(self, identity: str) -> str:
        return _read_or_create(self._folder / IDENTITY, identity)


def _identity(store: Units, data_dir: Path) -> str:
    """Return the identity of a database. That of SQLite is in a file, because saved states replace all its rows."""
    kept = _read(data_dir / BLOBS_ELSEWHERE) if isinstance(store, SqlStore) else None
    return kept or store.identity()


def _has_identity(store: Units, data_dir: Path) -> bool:
    return (isinstance(store, SqlStore) and (data_dir / BLOBS_ELSEWHERE).exists()) or store.has_identity()


def _has_blobs(folder: Path) -> bool:
    return any(files for _, _, files in os.walk(folder / "blobs"))


def _read_or_create(file: Path, identity: str) -> str:
    """Return the identity in a file, which is created whole if there is none."""
    if known := _read(file):
        return known
    handle, new = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    with open(handle, "w", encoding="ascii") as out:
        out.write(f"{identity}\n")
        out.flush()
        os.fsync(out.fileno())
    with suppress(FileExistsError):
        link_or_copy(new, os.fspath(file))
    os.unlink(new)
    sync(file.parent)
    return _read(file) or ""


def _read(file: Path) -> str | None:
    return file.read_text(encoding="ascii").strip() if file.exists() else None
