"""Lock and damage the file of a database, as other programs do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

PAGE = 4096


@contextmanager
def write_lock(database: Path) -> Iterator[None]:
    """Hold the write lock of a database, as a ``sqlite3`` shell with an open transaction does."""
    with closing(sqlite3.connect(database, isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        yield


def damage(database: Path) -> None:
    """Overwrite every page of a database but the first."""
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(PAGE)
        file.write(b"\xa5" * (size - PAGE))
