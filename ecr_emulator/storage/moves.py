"""Moves of the metadata and the companions of a data directory from SQLite to PostgreSQL, and back.

Every step can be repeated: after a crash, the same move continues, and until it is complete no emulator starts with
half of it. The rows arrive in one transaction.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from ecr_emulator.ports.companion_documents import CompanionDocuments
from ecr_emulator.storage.copies import count_rows, replace_rows
from ecr_emulator.storage.data_directory import BLOBS_ELSEWHERE, DATABASE, IDENTITY
from ecr_emulator.storage.document_files import COMPANIONS, DocumentFiles
from ecr_emulator.storage.postgres.documents import PostgresDocuments
from ecr_emulator.storage.postgres.store import PostgresStore
from ecr_emulator.storage.store import SqlStore
from ecr_emulator.storage.units import Units
from ecr_emulator.synced_files import remove, replace_text, sync

MOVED = f"{DATABASE}.moved"
"""The database in SQLite after its move, which is kept."""
NEW = f"{DATABASE}.new"
BEGUN = f"{IDENTITY}.new"
"""The file with the identity of the database in PostgreSQL to which a move has begun."""


_LAYERS_FIRST = "The layers are not in the data directory: move them back first, with --blobs and --to-data-dir"


class CannotMove(Exception):
    """The metadata cannot be moved. Nothing has changed."""


def move_to_postgres(data_dir: Path, url: str) -> dict[str, int]:
    """Move the metadata of a data directory, which the caller owns, into an empty database.

    Returns the number of rows by table. Raises ``CannotMove``, ``StorageFailure``, ``DatabaseTooNew`` and
    ``DatabaseUnreadable``.
    """
    _require_layers(data_dir)
    source_file = data_dir / DATABASE
    if not _has_content(source_file):
        if (data_dir / IDENTITY).exists():
            raise CannotMove(f"The metadata of {data_dir} are in PostgreSQL already: use serve --database")
        raise CannotMove(f"There is no database in {source_file}")
    with closing(PostgresStore(url, durable=True)) as target:
        _require_ours(data_dir, target)
        with closing(SqlStore(source_file, durable=True)) as source:
            rows = _copied(source, target)
        _require_closed(source_file)
        _copy_documents(DocumentFiles(data_dir / COMPANIONS), PostgresDocuments(target))
    os.replace(data_dir / BEGUN, data_dir / IDENTITY)
    sync(data_dir)  # an emulator without --database must never find neither of the two files
    os.replace(source_file, data_dir / MOVED)
    sync(data_dir)
    return rows


def move_to_sqlite(data_dir: Path, url: str) -> dict[str, int]:
    """Move the metadata of a data directory back from the database that belongs to it, which keeps its rows.

    Returns and raises what ``move_to_postgres`` does.
    """
    with closing(PostgresStore(url, durable=True)) as source:
        if source.has_blobs_elsewhere():
            raise CannotMove(_LAYERS_FIRST)
        if _read(data_dir / IDENTITY) != source.identity():
            raise CannotMove(f"The metadata of {data_dir} are not in this database")
        for name in (NEW, f"{NEW}-wal", f"{NEW}-shm"):
            (data_dir / name).unlink(missing_ok=True)
        with closing(SqlStore(data_dir / NEW, durable=True)) as target:
            rows = _copied(source, target)
        _copy_documents(PostgresDocuments(source), DocumentFiles(data_dir / COMPANIONS))
    (data_dir / NEW).with_suffix(".ballast").unlink(missing_ok=True)
    os.replace(data_dir / NEW, data_dir / DATABASE)
    sync(data_dir)
    remove(data_dir / IDENTITY)
    return rows


def _require_layers(data_dir: Path) -> None:
    if (data_dir / BLOBS_ELSEWHERE).exists():
        raise CannotMove(_LAYERS_FIRST)


def _require_closed(database: Path) -> None:
    """Refuse to move a database whose log SQLite has not removed: SQLite would play it into the next one."""
    if database.with_name(f"{database.name}-wal").exists():
        raise CannotMove(f"Another program has {database} open. End it first; then the same command continues")


def _require_ours(data_dir: Path, target: Units) -> None:
    """Refuse a database with rows, unless an earlier move of this directory has begun to fill it."""
    identity = target.identity()
    begun = _read(data_dir / BEGUN) or _read(data_dir / IDENTITY)
    if begun != identity:
        with target.reading() as work:
            filled = [name for name, number in count_rows(work.connection).items() if number and name != "state"]
        filled += PostgresDocuments(target).names()
        if filled:
            raise CannotMove(f"The database is not empty: it has rows in {', '.join(filled)}")
    replace_text(data_dir / BEGUN, f"{identity}\n")


def _copied(source: Units, target: Units) -> dict[str, int]:
    """Copy all rows in one transaction, which is committed only if the target then has as many as the source."""
    with source.reading() as before, target.writing(frees=True) as after:
        replace_rows(before.connection.rows(), after.connection)
        expected, found = count_rows(before.connection), count_rows(after.connection)
        if expected != found | {"state": expected["state"]}:
            raise CannotMove(f"The copy is not complete: it has {found} rows, and the source has {expected}")
    return found


def _copy_documents(source: CompanionDocuments, target: CompanionDocuments) -> None:
    """Replace the documents of companions."""
    with target.changing():
        for name in {*source.names(), *target.names()}:
            target.put(name, source.find(name).text)


def _read(file: Path) -> str | None:
    return file.read_text(encoding="ascii").strip() if file.exists() else None


def _has_content(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0
