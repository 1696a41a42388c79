"""The index of advisories: a file of SQLite. ``index_writer`` writes it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ecr_emulator.scanner.advisories.zip_archives import inflated

FORMAT = "3"
"""The version of the tables and of what is in them. An index of another version is written anew."""
TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE ecosystems (number INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE files (
    number INTEGER PRIMARY KEY,
    archive INTEGER,
    name BLOB,
    state TEXT,
    checksum INTEGER,
    identifier TEXT,
    modified TEXT
);
CREATE TABLE advisories (number INTEGER PRIMARY KEY, document BLOB);
CREATE TABLE affected (ecosystem INTEGER, name TEXT, advisory INTEGER, versions);
"""
"""``files`` has the documents and archives of the source, and the documents in the archives. ``checksum``,
``identifier`` and ``modified`` are those of advisories; the number of an advisory is that of its file."""
INDEXES = (
    "CREATE INDEX files_by_name ON files (archive, name)",
    "CREATE INDEX files_by_identifier ON files (identifier, modified, checksum) WHERE identifier IS NOT NULL",
    "CREATE INDEX affected_by_package ON affected (ecosystem, name)",
)
"""The indexes of the tables. They are made when the tables are full, because that is faster."""
NO_ARCHIVE = 0
"""The ``archive`` of files that are in none."""
_FIND = """
SELECT advisories.document, affected.versions
FROM affected
JOIN ecosystems ON ecosystems.number = affected.ecosystem
JOIN advisories ON advisories.number = affected.advisory
JOIN files ON files.number = affected.advisory
WHERE ecosystems.name = ? AND affected.name = ? AND NOT EXISTS (
    SELECT 1 FROM files AS newer
    WHERE newer.identifier = files.identifier
        AND (newer.modified, newer.checksum, newer.number) > (files.modified, files.checksum, files.number)
)
"""
_LIMIT = 1 << 30
"""Maximum number of bytes of a document. It is never reached, because the writer refuses long ones."""


class Facts(NamedTuple):
    """Facts about an index: a text that is the same for the same advisories, and when the newest was modified."""

    state: str
    modified: str


class Found(NamedTuple):
    """An advisory about a package. ``versions`` has what decides whether a version is affected, as OSV writes it."""

    packed_document: bytes
    versions: dict[str, Any]

    @property
    def document(self) -> dict[str, Any]:
        """The document of the advisory. Each use unpacks it; few advisories need it."""
        document: dict[str, Any] = json.loads(inflated(self.packed_document, _LIMIT))
        return document


def read_facts(file: Path) -> Facts | None:
    """Return the facts about an index; None if there is none, or one of another format."""
    if not file.exists():
        return None
    try:
        with open_index(file) as database:
            facts = dict(database.execute("SELECT name, value FROM facts"))
    except sqlite3.Error:
        return None
    return Facts(facts["state"], facts["modified"]) if facts.get("format") == FORMAT else None


@contextmanager
def open_index(file: Path) -> Iterator[sqlite3.Connection]:
    """Open an index for reading."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
        yield database


def find(database: sqlite3.Connection, ecosystem: str, name: str) -> Iterator[Found]:
    """Yield the advisories about a package. If several documents have the same advisory, the newest counts."""
    for document, versions in database.execute(_FIND, (ecosystem, name)):
        yield Found(document, json.loads(versions if isinstance(versions, str) else inflated(versions, _LIMIT)))


def ecosystems(database: sqlite3.Connection) -> set[str]:
    """Return the names of the ecosystems that have advisories."""
    return {name for (name,) in database.execute("SELECT name FROM ecosystems")}
