"""Modules that a Go module requires: its ``go.mod``.

https://go.dev/ref/mod#go-mod-file
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile, UnreadableFile
from ecr_emulator.scanner.packages.go import GO

NAMES = r"go\.mod"
_REPLACED_BY = "=>"
_Module: TypeAlias = tuple[str, str]
"""A path and a version, which is empty if there is none."""


def read_module(file: PackageFile) -> Iterator[Package]:
    """Yield the required modules, as ``replace`` changes them. A replacement in a folder has no version."""
    required: list[_Module] = []
    replacements: dict[_Module, _Module] = {}
    for number, directive, words in _directives(file.utf8_text()):
        if directive == "require":
            if len(words) < 2:
                raise UnreadableFile(f"line {number} requires a module without a version")
            required.append(_module(words, number))
        elif directive == "replace":
            arrow = words.index(_REPLACED_BY) if _REPLACED_BY in words else 0
            replacements[_module(words[:arrow], number)] = _module(words[arrow + 1 :], number)
    for module in required:
        of_any_version = replacements.get((module[0], ""), module)
        path, version = replacements.get(module, of_any_version)
        if version:
            yield Package(GO, path, version.removeprefix("v"), file.path, manager="GOMOD", layer=file.layer)


def _directives(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Yield the number of a line, its directive, and the words that follow. A directive may have a block of lines."""
    block = ""
    for number, line in enumerate(text.splitlines(), 1):
        words = [word.strip('"`') for word in line.partition("//")[0].split()]
        if not words:
            continue
        if block:
            if words == [")"]:
                block = ""
            else:
                yield number, block, words
        elif words[-1] == "(":
            block = words[0]
        else:
            yield number, words[0], words[1:]
    if block:
        raise UnreadableFile(f"its block {block!r} has no end")


def _module(words: list[str], number: int) -> _Module:
    if not words or len(words) > 2:
        raise UnreadableFile(f"line {number} does not name a module")
    return words[0], words[1] if len(words) == 2 else ""
