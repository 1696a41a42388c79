"""``ecr-emulator migrate``: move the metadata or the layers of a stopped emulator elsewhere, or back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import click

from ecr_emulator.cli.options import with_settings
from ecr_emulator.setting_sources import Loaded
from ecr_emulator.settings import Settings

NEEDED = "--data-dir and --database or --blobs are needed: the one says what moves, the others whereto"


@click.command()
@with_settings(
    "data_dir",
    "database",
    "blobs",
    meaning={
        "data_dir": "Data directory of a stopped emulator.",
        "database": "Database in PostgreSQL. With --blobs: the one that has the metadata already.",
        "blobs": "Directory or S3 bucket for the layers, which then move instead of the metadata.",
    },
)
@click.option("--to-sqlite", is_flag=True, help="Move the metadata back into the data directory.")
@click.option("--to-data-dir", is_flag=True, help="With --blobs: move the layers back into the data directory.")
def migrate(loaded: Loaded, to_sqlite: bool, to_data_dir: bool) -> None:
    """Move the metadata of a data directory to PostgreSQL, or its layers to a directory or an S3 bucket.

    The database must be empty. Its tables are made, and all rows arrive in one transaction, which is committed if the
    database then has as many rows as the source. The file ecr.sqlite.moved is kept.

    With --blobs, layers move; each is verified. With --to-sqlite or --to-data-dir, they move back, and the database or
    the bucket keeps what it has. A command that was interrupted can be repeated, and continues.

    \b
    Example: ecr-emulator migrate --data-dir ./state --database postgresql://ecr@localhost/ecr
    """
    settings = loaded.settings
    folder = settings.data_dir
    if folder is None or (settings.database is None and settings.blobs is None):
        raise click.UsageError(NEEDED)
    if to_data_dir and settings.blobs is None:
        raise click.UsageError("--to-data-dir needs --blobs, which says where the layers are")
    if to_sqlite and settings.blobs is not None:
        raise click.UsageError("--to-sqlite moves metadata, and --blobs layers: move the layers back first")
    if settings.database is not None and find_spec("psycopg") is None:
        raise click.ClickException("The driver of PostgreSQL is missing: pip install 'ecr-emulator[postgres]'")
    if not folder.is_dir():
        raise click.ClickException(f"There is no data directory {folder}")
    with _owned(folder):
        if settings.blobs is not None:
            _move_layers(settings, folder, to_data_dir)
        elif settings.database is not None:
            _move_metadata(settings.database, folder, to_sqlite)


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """Own a data directory while the block runs, and report why something cannot be moved."""
    from ecr_emulator.ports.storage_failures import StorageFailure
    from ecr_emulator.state_binding import StateMismatch
    from ecr_emulator.storage.migrations import DatabaseTooNew, DatabaseUnreadable
    from ecr_emulator.storage.ownership import DataDirectoryInUse, Ownership

    try:
        with closing(Ownership(folder)):
            yield
    except (DataDirectoryInUse, DatabaseTooNew, DatabaseUnreadable, StateMismatch, StorageFailure) as refused:
        raise click.ClickException(str(refused)) from None


def _move_metadata(database: str, folder: Path, to_sqlite: bool) -> None:
    from ecr_emulator.storage.moves import CannotMove, move_to_postgres, move_to_sqlite

    try:
        rows = (move_to_sqlite if to_sqlite else move_to_postgres)(folder, database)
    except CannotMove as refused:
        raise click.ClickException(str(refused)) from None
    place = "SQLite" if to_sqlite else "PostgreSQL. Start with --database from now on"
    click.echo(f"Moved {rows['repositories']} repositories and {rows['images']} images to {place}.")


def _move_layers(settings: Settings, folder: Path, to_data_dir: bool) -> None:
    from ecr_emulator.blob_moves import DamagedLayer, move_layers, move_layers_back
    from ecr_emulator.state_parts import open_store
    from ecr_emulator.storage.data_directory import DATABASE, prepare

    file = folder / DATABASE
    if settings.database is None and (not file.exists() or not file.stat().st_size):
        raise click.ClickException(f"There is no database in {file}; if it is in PostgreSQL, name it with --database")
    move = move_layers_back if to_data_dir else move_layers
    try:
        prepare(folder)
        with closing(open_store(replace(settings, blobs=None), folder, durable=True)) as store:
            moved = move(settings, store, folder)
    except DamagedLayer as damaged:
        raise click.ClickException(str(damaged)) from None
    except OSError as failure:
        raise click.ClickException(f"The layers cannot be moved: {failure}") from None
    place = f"{folder}" if to_data_dir else f"{settings.blobs}. Start with --blobs from now on"
    click.echo(f"Moved {moved.layers} layers with {moved.bytes} bytes to {place}.")
