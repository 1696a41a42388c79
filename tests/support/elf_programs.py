"""Make programs in the format ELF by hand, with the sections that Go and cargo auditable write."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping

_CODE = bytes(5000)
_MARKER = b"0" * 16


def program(sections: Mapping[str, bytes], bits: int = 64, order: str = "<") -> bytes:
    """Return a program with these sections."""
    names = b"\0"
    header_size, entry = (64, "II8x8xQQ24x") if bits == 64 else (52, "II4x4xII16x")
    data, table = _CODE, struct.pack(order + entry, 0, 0, 0, 0)
    for name, content in {**sections, ".shstrtab": b""}.items():
        start, names = len(names), names + name.encode() + b"\0"
        section = content or names
        table += struct.pack(order + entry, start, 1, header_size + len(data), len(section))
        data += section
    ident = b"\x7fELF" + bytes([2 if bits == 64 else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    word = "Q" if bits == 64 else "I"
    rest = struct.pack(
        order + ("HHI" + word * 3 + "IHHHHHH"),
        *(2, 62, 1, 0, 0, header_size + len(data), 0, header_size, 0, 0, struct.calcsize(order + entry)),
        *(len(sections) + 2, len(sections) + 1),
    )
    return ident + rest + data + table


def go_section(version: str, modules: str) -> bytes:
    """Return the section of a program that Go 1.18 or a later one has built."""
    text = _MARKER + modules.encode() + _MARKER
    return b"\xff Go buildinf:" + bytes([8, 2]) + bytes(16) + _with_length(version.encode()) + _with_length(text)


def rust_section(packages: list[dict[str, object]]) -> bytes:
    """Return the section of a program that cargo auditable has built."""
    return zlib.compress(json.dumps({"packages": packages}).encode())


def _with_length(text: bytes) -> bytes:
    length, out = len(text), b""
    while length >= 0x80:
        out, length = out + bytes([length & 0x7F | 0x80]), length >> 7
    return out + bytes([length]) + text
