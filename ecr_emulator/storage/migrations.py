"""Migration of a database to the schema of this program, in numbered steps, forward only.

SQLite's ``user_version`` is the number of the last step taken.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from sqlite3 import Connection, DatabaseError

from ecr_emulator.storage.disk import REMEDY, is_damage
from ecr_emulator.storage.migration_scripts import MIGRATIONS


class DatabaseTooNew(Exception):
    """The database was written by a newer program."""


class DatabaseUnreadable(Exception):
    """The file is damaged or not a database."""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raise ``DatabaseUnreadable`` if SQLite finds within the block that the file is damaged or not a database."""
    try:
        yield
    except DatabaseError as found:
        if not is_damage(found):
            raise
        message = f"{path} cannot be read: {found}. {REMEDY}"
        raise DatabaseUnreadable(message) from found


def migrate(connection: Connection, path: Path) -> None:
    """Run the steps that the database at ``path`` lacks. Raises ``DatabaseTooNew``."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > len(MIGRATIONS):
        raise DatabaseTooNew(
            f"{path} has schema version {found}, written by a newer ecr-emulator; this one knows versions up to "
            f"{len(MIGRATIONS)}. Upgrade ecr-emulator, or use another data directory."
        )
    if _has_tables(connection):
        _take_steps(connection, MIGRATIONS, found)
    else:
        copy_empty_database(connection)


def _has_tables(connection: Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is not None


def copy_empty_database(connection: Connection) -> None:
    """Copy an empty database of the newest schema, in one transaction: a tenth of the time of the steps."""
    with empty_database() as source:
        source.backup(connection)


@contextmanager
def empty_database() -> Iterator[Connection]:
    """Yield an empty database of the newest schema, in memory."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(_empty_database(MIGRATIONS))
        yield database


@cache
def _empty_database(steps: tuple[str, ...]) -> bytes:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        _take_steps(connection, steps, 0)
        return connection.serialize()


def _take_steps(connection: Connection, steps: tuple[str, ...], taken: int) -> None:
    for number, script in enumerate(steps[taken:], start=taken + 1):
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
