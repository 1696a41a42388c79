"""The documents of advisories in a folder, in archives of osv.dev within it, or in one archive."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

from ecr_emulator.ports.vulnerabilities import UnreadableVulnerabilities
from ecr_emulator.scanner.advisories.zip_archives import (
    DEFLATED,
    ENCRYPTED,
    STORED,
    DamagedArchive,
    Member,
    ZipArchive,
    inflated,
)

_DOCUMENT = ".json"
_ARCHIVE = ".zip"
_MAX_SIZE = 64 * 1024 * 1024
"""Maximum number of bytes of a document."""


class Kind(Enum):
    """The kinds of files in a source."""

    FOLDER = auto()
    DOCUMENT = auto()
    ARCHIVE = auto()


class SourceFile(NamedTuple):
    """A folder, a document or an archive of a source. ``name`` is its path within the source."""

    kind: Kind
    path: str
    name: bytes
    status: os.stat_result

    @property
    def state(self) -> str:
        """A text that changes with the content of the file, unless it keeps its size, time and inode."""
        return _state(self.status)


class Document(NamedTuple):
    """The text of a document and its CRC-32. ``packed`` is the text as an archive has it, if it is deflated there."""

    text: bytes
    checksum: int
    packed: bytes | None = None


class UnreadableDocument(Exception):
    """A document that cannot be read. The message says why. ``passes`` says that it may be readable later."""

    def __init__(self, reason: str, *, passes: bool = False) -> None:
        super().__init__(reason)
        self.passes = passes


def files(source: Path) -> Iterator[SourceFile]:
    """Yield the folders, documents and archives below a folder, or the one archive.

    A folder has the time of before its files were listed. Raises ``UnreadableVulnerabilities``.
    """
    if source.is_file():
        if source.suffix != _ARCHIVE:
            raise UnreadableVulnerabilities(f"{source} is no folder, and its name does not end in {_ARCHIVE}.")
        yield SourceFile(Kind.ARCHIVE, str(source), b"", _status(source))
        return
    if not source.is_dir():
        raise UnreadableVulnerabilities(f"{source} does not exist. It should be a folder of advisories, or a zip.")
    top = len(os.path.join(source, ""))
    folders = [str(source)]
    while folders:
        folder = folders.pop()
        yield SourceFile(Kind.FOLDER, folder, os.fsencode(folder[top:]), _status(folder))
        for entry in _entries(folder):
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.name.endswith((_DOCUMENT, _ARCHIVE)):
                kind = Kind.DOCUMENT if entry.name.endswith(_DOCUMENT) else Kind.ARCHIVE
                yield SourceFile(kind, entry.path, os.fsencode(entry.path[top:]), _status(entry))


def state_of(path: str) -> str:
    """Return the state of a file as it is now; an empty text if there is none."""
    try:
        return _state(os.stat(path))
    except OSError:
        return ""


def members(archive: ZipArchive) -> Iterator[Member]:
    """Yield the documents in an archive. Raises ``DamagedArchive``."""
    return (member for member in archive.members() if member.raw_name.endswith(_DOCUMENT.encode()))


def read_file(file: SourceFile) -> Document:
    """Return a document. Raises ``UnreadableDocument``."""
    if not stat.S_ISREG(file.status.st_mode):
        raise UnreadableDocument("it is no regular file")
    if file.status.st_size > _MAX_SIZE:
        raise UnreadableDocument(f"it has more than {_MAX_SIZE} bytes")
    try:
        with open(file.path, "rb") as opened:
            text = opened.read(file.status.st_size + 1)
    except OSError as failure:
        raise UnreadableDocument(failure.strerror or str(failure), passes=True) from failure
    return Document(text, zlib.crc32(text))


def read_member(archive: ZipArchive, member: Member) -> Document:
    """Return a document in an archive. Raises ``UnreadableDocument``."""
    if member.flags & ENCRYPTED:
        raise UnreadableDocument("it is encrypted")
    if member.method not in (STORED, DEFLATED):
        raise UnreadableDocument("its compression is not supported: members should be stored or deflated")
    if max(member.size, member.packed_size) > _MAX_SIZE:
        raise UnreadableDocument(f"it has more than {_MAX_SIZE} bytes")
    try:
        read = archive.packed(member)
        packed = read if member.method == DEFLATED else None
        text = inflated(packed, member.size) if packed is not None else read
    except (OSError, DamagedArchive) as failure:
        raise UnreadableDocument(str(failure), passes=isinstance(failure, OSError)) from failure
    checksum = zlib.crc32(text)
    if checksum != member.checksum:
        raise UnreadableDocument("it is damaged: its checksum is another one")
    return Document(text, checksum, packed)


def _state(status: os.stat_result) -> str:
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ino}"


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """Yield the entries of a folder one by one, because a folder may have more than fit into memory."""
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as failure:
        raise UnreadableVulnerabilities(f"{folder} cannot be listed: {failure.strerror}.") from failure


def _status(path: str | Path | os.DirEntry[str]) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as failure:
        raise UnreadableVulnerabilities(f"{os.fspath(path)} cannot be read: {failure.strerror}.") from failure
