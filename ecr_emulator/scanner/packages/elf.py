"""Sections of programs in the format ELF.

https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.intro.html
"""

from __future__ import annotations

import struct
from collections.abc import Container
from typing import IO, NamedTuple

from ecr_emulator.scanner.packages.files import UnreadableFile

MAGIC = b"\x7fELF"
_IDENT_SIZE = 16
_MAX_SECTION = 16 * 1024 * 1024
"""Maximum size of a section that is read. Those that list packages have a hundredth of it."""
_NO_BITS = 8


class _Format(NamedTuple):
    """The layout for a word size: the places of what is read from the header of the file and of a section."""

    header: str
    section: str


_FORMATS = {1: _Format("16x4x4x4x4xI4x6xHHH", "II4x4xII"), 2: _Format("16x4x4x8x8xQ4x6xHHH", "II8x8xQQ")}


class _Section(NamedTuple):
    name: int
    kind: int
    offset: int
    size: int


def read_sections(program: IO[bytes], names: Container[str]) -> dict[str, bytes]:
    """Return the contents of sections by their names. Raises ``UnreadableFile`` for a damaged program."""
    try:
        return {name: _contents(program, section) for name, section in _sections(program).items() if name in names}
    except (struct.error, OverflowError, ValueError, KeyError) as failure:
        raise UnreadableFile(f"its sections are damaged: {failure}") from failure


def _sections(program: IO[bytes]) -> dict[str, _Section]:
    ident = program.read(_IDENT_SIZE)
    order = {1: "<", 2: ">"}[ident[5]]
    layout = _FORMATS[ident[4]]
    program.seek(0)
    header = struct.Struct(order + layout.header)
    offset, entry_size, count, of_names = header.unpack(program.read(header.size))
    if not offset or not count:
        return {}
    entry = struct.Struct(order + layout.section)
    sections = []
    for number in range(count):
        program.seek(offset + number * entry_size)
        sections.append(_Section(*entry.unpack(program.read(entry.size))))
    if of_names >= count:
        return {}
    text = _contents(program, sections[of_names])
    return {_name(text, section.name): section for section in sections}


def _name(text: bytes, start: int) -> str:
    return text[start : text.index(b"\0", start)].decode(errors="replace") if start < len(text) else ""


def _contents(program: IO[bytes], section: _Section) -> bytes:
    if section.kind == _NO_BITS:
        return b""
    if section.size > _MAX_SECTION:
        raise ValueError(f"one has {section.size} bytes")
    program.seek(section.offset)
    return program.read(section.size)
