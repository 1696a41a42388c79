"""The index of advisories: a file of SQLite, written anew whenever the advisories change."""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ecr_emulator.ports.vulnerabilities import UnreadableVulnerabilities
from ecr_emulator.scanner.advisories.osv import Advisory, read_advisory
from ecr_emulator.scanner.advisories.sources import Document

FORMAT = "1"
"""The version of the tables and of what is in them. An index of another version is written anew."""
_TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE ecosystems (number INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE advisories (number INTEGER PRIMARY KEY, identifier TEXT UNIQUE, document BLOB);
CREATE TABLE affected (ecosystem INTEGER, name TEXT, advisory INTEGER, versions BLOB);
"""
_INDEX = "CREATE INDEX affected_by_package ON affected (ecosystem, name)"
_SETTINGS = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000"
_FIND = """
SELECT advisories.document, affected.versions
FROM affected
JOIN ecosystems ON ecosystems.number = affected.ecosystem
JOIN advisories ON advisories.number = affected.advisory
WHERE ecosystems.name = ? AND affected.name = ?
"""


class Facts(NamedTuple):
    """Facts about an index: the state of the source that it was made of, and when its newest advisory was modified."""

    source: str
    modified: str


class Found(NamedTuple):
    """An advisory about a package. ``versions`` has what decides whether a version is affected, as OSV writes it."""

    packed_document: bytes
    versions: dict[str, Any]

    @property
    def document(self) -> dict[str, Any]:
        """The members of the advisory that findings show. Each use unpacks them; few advisories need it."""
        return _unpacked(self.packed_document)


def read_facts(file: Path) -> Facts | None:
    """Return the facts about an index; None if there is none, or one of another format."""
    if not file.exists():
        return None
    try:
        with open_index(file) as database:
            facts = dict(database.execute("SELECT name, value FROM facts"))
    except sqlite3.Error:
        return None
    return Facts(facts["source"], facts["modified"]) if facts.get("format") == FORMAT else None


@contextmanager
def open_index(file: Path) -> Iterator[sqlite3.Connection]:
    """Open an index for reading."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
        yield database


def find(database: sqlite3.Connection, ecosystem: str, name: str) -> Iterator[Found]:
    """Yield the advisories about a package."""
    for document, versions in database.execute(_FIND, (ecosystem, name)):
        yield Found(document, _unpacked(versions))


def ecosystems(database: sqlite3.Connection) -> set[str]:
    """Return the names of the ecosystems that have advisories."""
    return {name for (name,) in database.execute("SELECT name FROM ecosystems")}


class IndexWriter:
    """Writer of a new index. ``report`` is told of documents that are skipped, ``progress`` of the number read."""

    def __init__(self, file: Path, report: Callable[[str], None], progress: Callable[[int], None]) -> None:
        self._file = file
        self._unfinished = file.with_suffix(".unfinished")
        self._report = report
        self._progress = progress
        self._ecosystems: dict[str, int] = {}
        self._modified = ""

    def write(self, source: str, documents: Iterable[Document]) -> int:
        """Replace the index by one of these documents, and return the number of its advisories.

        ``source`` is the state of the source. The old index stays if there are no advisories, or if the new one cannot
        be written, which raises ``UnreadableVulnerabilities``.
        """
        self._unfinished.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(self._unfinished)) as database:
                database.executescript(_SETTINGS + ";" + _TABLES)
                with database:
                    count = sum(self._add(database, each) for each in self._advisories(documents))
                    self._finish(database, source)
            if count:
                os.replace(self._unfinished, self._file)
        except (OSError, sqlite3.Error) as failure:
            raise UnreadableVulnerabilities(f"The index {self._file} cannot be written: {failure}.") from failure
        finally:
            self._unfinished.unlink(missing_ok=True)
        return count

    def _finish(self, database: sqlite3.Connection, source: str) -> None:
        database.executemany("INSERT INTO ecosystems (name, number) VALUES (?, ?)", self._ecosystems.items())
        facts = {"format": FORMAT, "source": source, "modified": self._modified}
        database.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())
        database.execute(_INDEX)

    def _advisories(self, documents: Iterable[Document]) -> Iterator[Advisory]:
        for number, document in enumerate(documents, 1):
            self._progress(number)
            if document.text is None:
                self._report(f"{document.path} is skipped: {document.reason}.")
                continue
            try:
                advisory = read_advisory(document.text)
            except ValueError as failure:
                self._report(f"{document.path} is skipped: {failure}.")
                continue
            if advisory is not None and advisory.affected:
                yield advisory

    def _add(self, database: sqlite3.Connection, advisory: Advisory) -> bool:
        added = database.execute(
            "INSERT OR IGNORE INTO advisories (identifier, document) VALUES (?, ?)",
            (advisory.identifier, _packed(advisory.document)),
        )
        if not added.rowcount:
            return False
        self._modified = max(self._modified, advisory.modified)
        database.executemany(
            "INSERT INTO affected VALUES (?, ?, ?, ?)",
            (
                (self._number(each.ecosystem), each.name, added.lastrowid, _packed(each.versions))
                for each in advisory.affected
            ),
        )
        return True

    def _number(self, ecosystem: str) -> int:
        return self._ecosystems.setdefault(ecosystem, len(self._ecosystems) + 1)


def _packed(value: dict[str, Any]) -> bytes:
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1)


def _unpacked(packed: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(zlib.decompress(packed))
    return value
