"""``ecr-emulator migrate``: move the metadata of a stopped emulator to PostgreSQL, or back to SQLite."""

from __future__ import annotations

from importlib.util import find_spec

import click

from ecr_emulator.cli.options import with_settings
from ecr_emulator.setting_sources import Loaded


@click.command()
@with_settings(
    "data_dir",
    "database",
    meaning={"data_dir": "Data directory of a stopped emulator.", "database": "Database in PostgreSQL."},
)
@click.option("--to-sqlite", is_flag=True, help="Move back into the data directory.")
def migrate(loaded: Loaded, to_sqlite: bool) -> None:
    """Move the metadata of a data directory from SQLite to PostgreSQL. Layers stay where they are.

    The database must be empty. Its tables are made, and all rows arrive in one transaction, which is committed if the
    database then has as many rows as the source. The file ecr.sqlite.moved is kept. A command that was interrupted can
    be repeated, and continues.

    With --to-sqlite, the metadata move back; the database keeps its rows.

    \b
    Example: ecr-emulator migrate --data-dir ./state --database postgresql://ecr@localhost/ecr
    """
    settings = loaded.settings
    if settings.data_dir is None or settings.database is None:
        raise click.UsageError("--data-dir and --database are needed: the one says what moves, the other whereto")
    if find_spec("psycopg") is None:
        raise click.ClickException("The driver of PostgreSQL is missing: pip install 'ecr-emulator[postgres]'")
    from ecr_emulator.ports.storage_failures import StorageFailure
    from ecr_emulator.storage.migrations import DatabaseTooNew, DatabaseUnreadable
    from ecr_emulator.storage.moves import CannotMove, move_to_postgres, move_to_sqlite
    from ecr_emulator.storage.ownership import DataDirectoryInUse, Ownership

    if not settings.data_dir.is_dir():
        raise click.ClickException(f"There is no data directory {settings.data_dir}")
    move = move_to_sqlite if to_sqlite else move_to_postgres
    try:
        ownership = Ownership(settings.data_dir)
        try:
            rows = move(settings.data_dir, settings.database)
        finally:
            ownership.close()
    except (CannotMove, DataDirectoryInUse, DatabaseTooNew, DatabaseUnreadable, StorageFailure) as refused:
        raise click.ClickException(str(refused)) from None
    click.echo(f"Moved {rows['repositories']} repositories and {rows['images']} images to {_place(to_sqlite)}.")


def _place(is_sqlite: bool) -> str:
    return "SQLite" if is_sqlite else "PostgreSQL. Start with --database from now on"
