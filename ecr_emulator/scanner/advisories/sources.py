"""The documents of advisories in a folder, in archives of osv.dev within it, or in one archive."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ecr_emulator.ports.vulnerabilities import UnreadableVulnerabilities

_DOCUMENT = ".json"
_ARCHIVE = ".zip"
_MAX_SIZE = 64 * 1024 * 1024


class Document(NamedTuple):
    """A document with its path. ``text`` is None if ``reason`` says why it cannot be read."""

    path: str
    text: bytes | None
    reason: str = ""


def fingerprint(source: Path) -> str:
    """Return a text that changes with the name, the size or the time of any file.

    Raises ``UnreadableVulnerabilities``.
    """
    found = hashlib.sha256()
    for path in _files(source):
        try:
            status = path.stat()
        except OSError as failure:
            raise UnreadableVulnerabilities(f"{path} cannot be read: {failure.strerror}.") from failure
        state = f"{path.relative_to(source)}\0{status.st_size}\0{status.st_mtime_ns}\n"
        found.update(state.encode(errors="surrogateescape"))
    return found.hexdigest()


def documents(source: Path) -> Iterator[Document]:
    """Yield the documents one by one. Raises ``UnreadableVulnerabilities``."""
    for path in _files(source):
        if path.suffix == _DOCUMENT:
            yield _read(path)
        else:
            yield from _archived(path)


def _files(source: Path) -> Iterator[Path]:
    """Yield the documents and archives below a folder in the order of their names, or the one file itself."""
    if source.is_file():
        if source.suffix != _ARCHIVE:
            raise UnreadableVulnerabilities(f"{source} is no folder, and its name does not end in {_ARCHIVE}.")
        yield source
        return
    if not source.is_dir():
        raise UnreadableVulnerabilities(f"{source} does not exist. It should be a folder of advisories, or a zip.")
    for folder, folders, names in os.walk(source, onerror=_refuse):
        folders.sort()
        for name in sorted(names):
            if name.endswith((_DOCUMENT, _ARCHIVE)):
                yield Path(folder, name)


def _refuse(failure: OSError) -> None:
    raise UnreadableVulnerabilities(f"{failure.filename} cannot be listed: {failure.strerror}.")


def _read(path: Path) -> Document:
    try:
        if path.stat().st_size > _MAX_SIZE:
            return Document(str(path), None, f"it has more than {_MAX_SIZE} bytes")
        return Document(str(path), path.read_bytes())
    except OSError as failure:
        return Document(str(path), None, failure.strerror or str(failure))


def _archived(path: Path) -> Iterator[Document]:
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.filename.endswith(_DOCUMENT):
                    yield _member(archive, member, f"{path}!/{member.filename}")
    except (OSError, zipfile.BadZipFile) as failure:
        yield Document(str(path), None, f"it is no readable archive: {failure}")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str) -> Document:
    if member.file_size > _MAX_SIZE:
        return Document(path, None, f"it has more than {_MAX_SIZE} bytes")
    try:
        return Document(path, archive.read(member))
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as failure:
        return Document(path, None, str(failure))
