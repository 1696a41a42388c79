"""What other programs do to the files of a data directory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

PAGE = 4096


@contextmanager
def write_lock(database: Path) -> Iterator[None]:
    """A ``sqlite3`` shell in which somebody has begun to write."""
    with closing(sqlite3.connect(database, isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        yield


def damage(database: Path) -> None:
    """Overwrite every page of a database but the first."""
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(PAGE)
        file.write(b"\xa5" * (size - PAGE))
