"""TOML documents with short keys and few tables, as tools write lock files.

https://toml.io/en/v1.0.0
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from ecr_emulator.scanner.packages.files import PackageFile, UnreadableFile

_MAX_PARTS = 16
"""Maximum number of parts of a key. The time that ``tomllib`` takes for one grows with the square of their number."""
_MAX_TABLES = 100_000
"""Maximum number of tables, arrays and parts of keys. ``tomllib`` takes up to a kilobyte of memory for each."""
_STRING_OR_COMMENT = re.compile(
    r"""\"{3}(?:[^"\\]|\\.|"(?!""))*+(?:\"{3})?|'{3}(?:[^']|'(?!''))*+(?:'{3})?"""  # of many lines, then of one
    r"""|"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?|\#[^\n]*+""",
    re.DOTALL,
)
_LONG_KEY = re.compile(rf"(?:\.[^.\n=,\[\]{{}}]*){{{_MAX_PARTS}}}")


def read_document(file: PackageFile) -> dict[str, Any]:
    """Return the document. Raises ``UnreadableFile``."""
    text = file.utf8_text()
    _check_structure(_STRING_OR_COMMENT.sub("x", text))
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as failure:
        raise UnreadableFile(f"it is no TOML document: {failure}") from failure


def _check_structure(text: str) -> None:
    """Raise ``UnreadableFile`` for keys and tables that no tool writes. The text has neither strings nor comments."""
    if _LONG_KEY.search(text):
        raise UnreadableFile(f"it has a key of more than {_MAX_PARTS} parts")
    if sum(map(text.count, "[{.")) > _MAX_TABLES:
        raise UnreadableFile(f"it has more than {_MAX_TABLES} tables")
