"""The rows of a new index of advisories, written in batches."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, NamedTuple

from ecr_emulator.scanner.advisories.index_file import FORMAT, INDEXES, NO_ARCHIVE, TABLES
from ecr_emulator.scanner.advisories.osv import Advisory, shown
from ecr_emulator.scanner.advisories.sources import Document
from ecr_emulator.scanner.advisories.zip_archives import deflated

_SETTINGS = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000;"
_ADD_FILE = "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)"
_REMOVE = (
    "DELETE FROM files WHERE number IN (SELECT number FROM gone)",
    "DELETE FROM advisories WHERE number IN (SELECT number FROM gone)",
    "DELETE FROM affected WHERE advisory IN (SELECT number FROM gone)",
)
_STATE = "SELECT count(identifier), coalesce(sum(checksum), 0), coalesce(max(modified), '') FROM files"
_BATCH = 500
"""Number of documents that are written together."""
_BATCH_BYTES = 1024 * 1024
"""Number of compressed bytes after which a batch ends."""
_LONG = 16 * 1024
"""Number of bytes from which on a document is stored without its packages, so that findings are read quickly."""
_LONG_VERSIONS = 512
"""Number of characters from which on the versions of a package are compressed."""
_to_json = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Place(NamedTuple):
    """The archive of a document, or ``NO_ARCHIVE``, its name there, and a text that changes with its content."""

    archive: int
    name: bytes
    state: str


class IndexRows:
    """The rows of an index in a database that is new, or a copy of an older index."""

    def __init__(self, database: sqlite3.Connection, is_new: bool) -> None:
        self._database = database
        self._is_new = is_new
        database.executescript(_SETTINGS + (TABLES if is_new else ""))
        self._last: int = database.execute("SELECT coalesce(max(number), 0) FROM files").fetchone()[0]
        self._ecosystems: dict[str, int] = dict(database.execute("SELECT name, number FROM ecosystems"))
        self._files: list[tuple[Any, ...]] = []
        self._advisories: list[tuple[int, bytes]] = []
        self._affected: list[tuple[int, str, int, str | bytes]] = []
        self._bytes = 0

    def add_archive(self, name: bytes, state: str) -> int:
        """Add an archive, and return its number."""
        self._last += 1
        self._database.execute(_ADD_FILE, (self._last, NO_ARCHIVE, name, state, None, None, None))
        return self._last

    def change_archive(self, number: int, state: str) -> None:
        """Note the state of an archive."""
        self._database.execute("UPDATE files SET state = ? WHERE number = ?", (state, number))

    def add(self, place: Place, document: Document, advisory: Advisory) -> None:
        """Add a document with its advisory."""
        self._add_file(place, document.checksum, advisory.identifier, advisory.modified)
        if advisory.affected:
            packed = _packed(document, advisory)
            self._bytes += len(packed)
            self._advisories.append((self._last, packed))
            for each in advisory.affected:
                ecosystem = self._ecosystems.setdefault(each.ecosystem, len(self._ecosystems) + 1)
                self._affected.append((ecosystem, each.name, self._last, _versions(each.versions)))
        if len(self._files) >= _BATCH or self._bytes >= _BATCH_BYTES:
            self._write()

    def add_damaged(self, place: Place) -> None:
        """Add a document that has no advisory."""
        self._add_file(place, None, None, None)

    def remove(self, numbers: list[int]) -> None:
        """Remove files, with their advisories."""
        run = self._database.execute
        run("CREATE TEMP TABLE gone (number INTEGER PRIMARY KEY)")
        self._database.executemany("INSERT INTO gone VALUES (?)", ((number,) for number in numbers))
        for each in _REMOVE:
            run(each)

    def finish(self) -> int:
        """Write the rest, and return the number of advisories."""
        self._write()
        run = self._database.execute
        for each in INDEXES if self._is_new else ():
            run(each)
        add = "INSERT OR IGNORE INTO ecosystems (name, number) VALUES (?, ?)"
        self._database.executemany(add, self._ecosystems.items())
        count, checksums, modified = run(_STATE).fetchone()
        facts = {"format": FORMAT, "state": f"{count} {checksums} {modified}", "modified": modified}
        self._database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())
        number: int
        (number,) = run("SELECT count(*) FROM advisories").fetchone()
        return number

    def _add_file(self, place: Place, *facts: int | str | None) -> None:
        self._last += 1
        self._files.append((self._last, *place, *facts))

    def _write(self) -> None:
        self._database.executemany(_ADD_FILE, self._files)
        self._database.executemany("INSERT INTO advisories VALUES (?, ?)", self._advisories)
        self._database.executemany("INSERT INTO affected VALUES (?, ?, ?, ?)", self._affected)
        for rows in (self._files, self._advisories, self._affected):
            rows.clear()
        self._bytes = 0


def _packed(document: Document, advisory: Advisory) -> bytes:
    if len(document.text) >= _LONG:
        return deflated(_to_json(shown(advisory.document)).encode())
    return document.packed or deflated(document.text)


def _versions(versions: dict[str, Any]) -> str | bytes:
    text = _to_json(versions)
    return text if len(text) < _LONG_VERSIONS else deflated(text.encode())
