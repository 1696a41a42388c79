"""The lines at which the keys of a TOML file stand; Python's parser does not tell."""

from __future__ import annotations

import re
from collections.abc import Iterator

Path = tuple[str | int, ...]

_TABLE = re.compile(r"\s*\[(?P<array>\[)?(?P<name>[^\[\]]+)\]")
_KEY = re.compile(r"""\s*(?P<name>(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_LONG_TEXT = re.compile('"""|' + "'''")


def toml_lines(text: str) -> dict[Path, int]:
    """Return the lines of tables and keys by their paths, from a text that is TOML.

    Keys within inline tables and arrays have none: the line of the key that these belong to is close enough.
    """
    lines: dict[Path, int] = {}
    lengths: dict[Path, int] = {}
    table: Path = ()
    for number, line in _outside_long_texts(text):
        header = _TABLE.match(line)
        if header:
            table = _resolved(_parts(header["name"]), lengths)
            if header["array"]:
                lengths[table] = lengths.get(table, 0) + 1
                table = (*table, lengths[table] - 1)
            lines.setdefault(table, number)
            continue
        key = _KEY.match(line)
        if key:
            lines.setdefault((*table, *_parts(key["name"])), number)
    return lines


def _outside_long_texts(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that begin outside texts of several lines, with their numbers."""
    within = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not within:
            yield number, line
        for mark in _LONG_TEXT.findall(line):
            if not within:
                within = mark
            elif within == mark:
                within = ""


def _resolved(names: Path, lengths: dict[Path, int]) -> Path:
    """Return a path in which arrays of tables are followed by the number of their latest table."""
    path: Path = ()
    for position, name in enumerate(names, start=1):
        path = (*path, name)
        if path in lengths and position < len(names):
            path = (*path, lengths[path] - 1)
    return path


def _parts(name: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(name))
