"""Packages of distributions with rpm: its databases in SQLite, in the format ndb, and in that of Berkeley DB.

https://github.com/rpm-software-management/rpm/blob/master/lib/backend/ndb/rpmpkg.c
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterable, Iterator
from typing import IO

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.berkeley_db import read_pairs
from ecr_emulator.scanner.packages.files import PackageFile, UnreadableFile
from ecr_emulator.scanner.packages.rpm_headers import read_header

_DIRECTORY = r"(?:var/lib|usr/lib/sysimage|usr/share)/rpm/"
SQLITE_PATHS = rf"{_DIRECTORY}rpmdb\.sqlite"
NDB_PATHS = rf"{_DIRECTORY}Packages\.db"
BERKELEY_PATHS = rf"{_DIRECTORY}Packages"

_MAX_HEADER = 32 * 1024 * 1024
_MAX_PAGES = 4096
"""Maximum number of pages of slots in ndb. A page has 256 packages."""
_SLOT_SIZE = 16
_PAGE_SIZE = 4096
_NDB_HEADER = struct.Struct("<4sIII16x")
_SLOT = struct.Struct("<4sIII")
_BLOB = struct.Struct("<4sIII")
_READ_ONLY_WITHOUT_LOG = 18
"""The offset of two bytes in a file of SQLite. 1 in both says that no write-ahead log belongs to it."""


def read_sqlite(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of ``rpmdb.sqlite``. A write-ahead log beside it is not read: rpm empties it when it ends."""
    with file.copied() as copy:
        copy.seek(_READ_ONLY_WITHOUT_LOG)
        copy.write(b"\1\1")
        copy.flush()
        try:
            database = sqlite3.connect(f"file:{copy.name}?mode=ro&immutable=1", uri=True)
            try:
                database.execute("PRAGMA trusted_schema = OFF")
                database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_HEADER)
                if ("table",) not in database.execute("SELECT type FROM sqlite_schema WHERE name = 'Packages'"):
                    raise UnreadableFile("it has no table of packages")
                yield from _packages((header for (header,) in database.execute("SELECT blob FROM Packages")), file)
            finally:
                database.close()
        except sqlite3.Error as failure:
            raise UnreadableFile(f"SQLite cannot read it: {failure}") from failure


def read_ndb(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of ``Packages.db``."""
    with file.copied() as copy:
        try:
            yield from _packages((_blob(copy, offset) for offset in _blob_offsets(copy)), file)
        except struct.error as failure:
            raise UnreadableFile("it is incomplete") from failure


def read_berkeley(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of ``Packages``. The key 0 has the number of the last package instead of one."""
    with file.copied() as copy:
        yield from _packages((header for key, header in read_pairs(copy) if key.strip(b"\0")), file)


def _packages(headers: Iterable[object], file: PackageFile) -> Iterator[Package]:
    """Yield the packages of headers. A database that shows the same bytes as many headers is refused."""
    remaining = file.size
    for header in headers:
        if not isinstance(header, bytes):
            raise UnreadableFile("it has a package without a header")
        remaining -= len(header)
        if remaining < 0:
            raise UnreadableFile(f"its headers have more than its {file.size} bytes")
        package = read_header(header, file)
        if package is not None:
            yield package


def _blob_offsets(copy: IO[bytes]) -> Iterator[int]:
    magic, version, _, pages = _NDB_HEADER.unpack(copy.read(_NDB_HEADER.size))
    if magic != b"RpmP" or version != 0 or pages > _MAX_PAGES:
        raise UnreadableFile("it does not begin as a database in the format ndb")
    for number in range(2, pages * _PAGE_SIZE // _SLOT_SIZE):
        copy.seek(number * _SLOT_SIZE)
        magic, index, offset, _ = _SLOT.unpack(copy.read(_SLOT_SIZE))
        if magic != b"Slot":
            raise UnreadableFile(f"slot {number} is damaged")
        if index:
            yield offset * _SLOT_SIZE


def _blob(copy: IO[bytes], offset: int) -> bytes:
    copy.seek(offset)
    magic, _, _, size = _BLOB.unpack(copy.read(_BLOB.size))
    if magic != b"BlbS" or size > _MAX_HEADER:
        raise UnreadableFile(f"the package at byte {offset} is damaged")
    return copy.read(size)
