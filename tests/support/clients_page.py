"""Read docs/clients.md: the commands that it shows, and the files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

TEXT = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
COMMANDS = "sh"
_BLOCK = re.compile(r"(?P<before>[^\n]*)\n\n```(?P<language>\w+)\n(?P<text>.*?)```\n", re.DOTALL)
_PATH = re.compile(r"`(?P<path>[^`]+)`:$")


class File(NamedTuple):
    """A file of the page, with its path: a relative one is in the current folder."""

    path: str
    language: str
    text: str


class Section(NamedTuple):
    """The files and commands below a heading. All commands run in one shell."""

    commands: str
    files: list[File]


def sections() -> dict[str, Section]:
    """Return the sections of the page by heading; the beginning of the page has an empty one."""
    _, *rest = re.split(r"^##? (.+)$", TEXT, flags=re.MULTILINE)
    headings = ["", *rest[2::2]]
    return {heading: _section(text) for heading, text in zip(headings, rest[1::2], strict=True)}


def _section(text: str) -> Section:
    blocks = list(_BLOCK.finditer(text))
    assert len(blocks) == text.count("```") / 2, "a line of text and an empty one stand before every block"
    commands = "".join(block["text"] for block in blocks if block["language"] == COMMANDS)
    return Section(commands, [_file(block) for block in blocks if block["language"] != COMMANDS])


def _file(block: re.Match[str]) -> File:
    path = _PATH.search(block["before"])
    assert path, f"where does this go, after {block['before']!r}?"
    return File(path["path"], block["language"], block["text"])
