"""A file of an image that lists packages, read within limits."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from ecr_emulator.scanner.layers.entries import Entry
from ecr_emulator.scanner.layers.limits import MIB, Limits


class UnreadableFile(Exception):
    """A file that should list packages and cannot be read. The message is the reason."""


class PackageFile:
    """A file of an image. Its data can be read once. Every method raises ``UnreadableFile`` for one that is too large.

    ``layer`` is the digest of the layer that has the file.
    """

    def __init__(self, entry: Entry, layer: str, limits: Limits, data: IO[bytes]) -> None:
        self.path = entry.path
        self.size = entry.size
        self.layer = layer
        self.limits = limits
        self._data = data

    def head(self, size: int) -> bytes:
        """Return the first bytes."""
        return self._data.read(size)

    def text(self) -> str:
        """Return the text of a package database. Bytes that are not UTF-8 are replaced."""
        self._check_size(self.limits.text_file)
        return self._data.read(self.size).decode(errors="replace")

    def lines(self) -> Iterator[str]:
        """Yield the lines of a package database without their ends."""
        self._check_size(self.limits.text_file)
        for line in self._data:
            yield line.decode(errors="replace").rstrip("\r\n")

    def document(self) -> bytes:
        """Return the bytes of a document that is parsed as a whole."""
        self._check_size(self.limits.json_file)
        return self._data.read(self.size)

    def json(self) -> dict[str, Any]:
        """Return a JSON object."""
        try:
            parsed = json.loads(self.document())
        except (ValueError, RecursionError) as failure:
            raise UnreadableFile(f"it is no JSON document: {failure}") from failure
        if not isinstance(parsed, dict):
            raise UnreadableFile("it is no JSON object")
        return parsed

    def utf8_text(self) -> str:
        """Return the text of a document that is parsed as a whole, without a byte order mark."""
        try:
            return self.document().decode("utf-8-sig")
        except UnicodeDecodeError as failure:
            raise UnreadableFile(f"it is no UTF-8 text: {failure.reason} at byte {failure.start}") from failure

    @contextmanager
    def copied(self, start: bytes = b"") -> Iterator[IO[bytes]]:
        """Open a temporary copy of the file, which has a name and can be read from any position.

        ``start`` has the bytes that ``head`` has returned.
        """
        self._check_size(self.limits.database)
        with tempfile.NamedTemporaryFile(prefix="ecr-scan-") as copy:
            copy.write(start)
            shutil.copyfileobj(self._data, copy, MIB)
            copy.flush()
            copy.seek(0)
            yield copy

    def _check_size(self, limit: int) -> None:
        if self.size > limit:
            raise UnreadableFile(f"it has {self.size} bytes, more than {limit}")


def object_in(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an object of a document, empty without it. Raises ``UnreadableFile`` if something else is there."""
    value = document.get(name) or {}
    if not isinstance(value, dict):
        raise UnreadableFile(f"its {name!r} is no object")
    return value


def objects_in(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the objects in an array of a document. Raises ``UnreadableFile`` if something else is there."""
    value = document.get(name) or []
    if not isinstance(value, list):
        raise UnreadableFile(f"its {name!r} is no array")
    return objects_of(value)


def text_of(value: Any) -> str:
    """Return a JSON value if it is a text, else an empty text."""
    return value if isinstance(value, str) else ""


def object_of(value: Any) -> dict[str, Any]:
    """Return a JSON value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a JSON value that is an array."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
