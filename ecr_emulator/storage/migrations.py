"""Brings a database to the schema of this program: numbered steps, forward only.

The number of the last one taken is SQLite's ``user_version``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection, DatabaseError

from ecr_emulator.storage.disk import REMEDY, is_damage
from ecr_emulator.storage.steps import STEPS


class DatabaseTooNew(Exception):
    """The database was written by a newer program."""


class DatabaseUnreadable(Exception):
    """The file is no database, or a damaged one."""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raise ``DatabaseUnreadable`` if that is what SQLite finds out within the block."""
    try:
        yield
    except DatabaseError as found:
        if not is_damage(found):
            raise
        message = f"{path} cannot be read: {found}. {REMEDY}"
        raise DatabaseUnreadable(message) from found


def migrate(connection: Connection, path: Path) -> None:
    """Take the steps that the database at ``path`` lacks. Raises ``DatabaseTooNew``."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > len(STEPS):
        raise DatabaseTooNew(
            f"{path} has schema version {found}, written by a newer ecr-emulator; this one knows versions up to "
            f"{len(STEPS)}. Upgrade ecr-emulator, or use another data directory."
        )
    for number, script in enumerate(STEPS[found:], start=found + 1):
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
