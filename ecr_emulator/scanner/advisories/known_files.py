"""Comparison of the files of a source with those that an index was made of."""

from __future__ import annotations

import sqlite3

from ecr_emulator.scanner.advisories.index_file import NO_ARCHIVE
from ecr_emulator.scanner.advisories.sources import SourceFile
from ecr_emulator.scanner.advisories.zip_archives import Member

_NUMBER = "SELECT number FROM files WHERE archive = ? AND name = ?"
_UNCHANGED = f"{_NUMBER} AND state = ?"
_MEMBERS = "SELECT number FROM files WHERE archive = ?"


class KnownFiles:
    """The files that an index was made of, and which of them have been found unchanged."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        (highest,) = database.execute("SELECT coalesce(max(number), 0) FROM files").fetchone()
        self._found = bytearray(highest + 1)
        self._is_empty = highest == 0

    def find(self, file: SourceFile) -> bool:
        """Return whether a file has not changed. If it is an archive, its documents are found too."""
        number = self._mark(NO_ARCHIVE, file.name, file.state)
        if number is None:
            return False
        for (member,) in self._database.execute(_MEMBERS, (number,)):
            self._found[member] = 1
        return True

    def find_member(self, archive: int, member: Member) -> bool:
        """Return whether a document in an archive has not changed."""
        return self._mark(archive, member.raw_name, member_state(member)) is not None

    def find_changed(self, archive: SourceFile) -> int | None:
        """Return the number of an archive that has changed; None if it is new."""
        if self._is_empty:
            return None
        row = self._database.execute(_NUMBER, (NO_ARCHIVE, archive.name)).fetchone()
        if row is None:
            return None
        number: int = row[0]
        self._found[number] = 1
        return number

    def gone(self) -> list[int]:
        """Return the numbers of the files that have not been found."""
        numbers = self._database.execute("SELECT number FROM files WHERE number < ?", (len(self._found),))
        return [number for (number,) in numbers if not self._found[number]]

    def _mark(self, archive: int, name: bytes, state: str) -> int | None:
        if self._is_empty:
            return None
        numbers = [number for (number,) in self._database.execute(_UNCHANGED, (archive, name, state))]
        for number in numbers:
            self._found[number] = 1
        return numbers[0] if numbers else None


def member_state(member: Member) -> str:
    """Return a text that changes with a document in an archive."""
    return f"{member.size} {member.checksum}"
