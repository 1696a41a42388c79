"""Files in folders and in tar files, which can be compressed."""

from __future__ import annotations

import gzip
import posixpath
import shutil
import tarfile
import weakref
import zlib
from io import BufferedReader, FileIO, RawIOBase
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO, Protocol

GZIP = b"\x1f\x8b"
"""The first bytes of a file that is compressed with gzip."""


class Files(Protocol):
    """Files by their names, in a folder or in a tar file."""

    def open(self, name: str) -> BinaryIO:
        """Open a file. Raises ``FileNotFoundError``."""

    def has(self, name: str) -> bool:
        """Return whether there is a file."""


def files_of(path: Path) -> Files:
    """Return the files of a folder or of a tar file. Raises ``ValueError`` for any other file, and ``OSError``."""
    if path.is_dir():
        return _Folder(path)
    try:
        return _Tar(path)
    except (tarfile.ReadError, EOFError, zlib.error, gzip.BadGzipFile):
        raise ValueError(f"{path} is neither a folder nor a tar file, or it is damaged") from None


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self, name: str) -> BinaryIO:
        return (self._path / name).open("rb")

    def has(self, name: str) -> bool:
        return (self._path / name).is_file()


class _Tar:
    """A tar file, of which any number of members can be open at the same time.

    A compressed one is unpacked to a temporary file, because its members could be read only in their order.
    """

    def __init__(self, path: Path) -> None:
        self._name = path
        self._path = self._unpacked(path) or path
        with tarfile.open(self._path, "r:") as archive:
            self._members = {posixpath.normpath(member.name): member for member in archive.getmembers()}

    def open(self, name: str) -> BinaryIO:
        member = self._member(name)
        if member is None:
            raise FileNotFoundError(f"{self._name} lacks {name}")
        return BufferedReader(_Member(self._path, member.offset_data, member.size))

    def has(self, name: str) -> bool:
        return self._member(name) is not None

    def _unpacked(self, path: Path) -> Path | None:
        """Return the path of the unpacked content of a compressed file, or None for another file."""
        with path.open("rb") as file:
            if file.read(2) != GZIP:
                return None
        out = NamedTemporaryFile()  # noqa: SIM115 - it is removed with the last reference to this object
        weakref.finalize(self, out.close)
        with gzip.open(path) as content:
            shutil.copyfileobj(content, out, 1024 * 1024)
        out.flush()
        return Path(out.name)

    def _member(self, name: str) -> tarfile.TarInfo | None:
        member = self._members.get(posixpath.normpath(name))
        for _ in self._members:  # docker save links equal layers; links that lead in a circle end
            if member is None or not member.issym():
                break
            target = posixpath.join(posixpath.dirname(member.name), member.linkname)
            member = self._members.get(posixpath.normpath(target))
        return member if member is not None and member.isfile() else None


class _Member(RawIOBase):
    """The bytes of one member of a tar file, read from the start to the end."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        self._file = FileIO(path)
        self._file.seek(start)
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(memoryview(buffer)[: self._left]) or 0
        self._left -= count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
