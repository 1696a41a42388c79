"""Zip archives, read member by member: the list of their members may be too long for the memory.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple, Self

STORED, DEFLATED = 0, 8
ENCRYPTED = 1
"""The flag of encrypted members."""
_UTF8 = 0x800
"""The flag of names in UTF-8."""
_END, _END_SIGNATURE = Struct("<4s4H2IH"), b"PK\5\6"
_END64, _END64_SIGNATURE = Struct("<4sQ2H2I4Q"), b"PK\6\6"
_LOCATOR64, _LOCATOR64_SIGNATURE = Struct("<4sIQI"), b"PK\6\7"
_ENTRY, _ENTRY_SIGNATURE = Struct("<4s6H3I5H2I"), b"PK\1\2"
_HEADER, _HEADER_SIGNATURE = Struct("<4s5H3I2H"), b"PK\3\4"
_EXTRA = Struct("<2H")
_EXTRA64 = 1
"""The kind of extra field that has numbers of 64 bits."""
_LONGEST_COMMENT = 0xFFFF
_IN_EXTRA = 0xFFFFFFFF
"""The number that stands for one of 64 bits in the extra field."""
_USUAL_EXTRA = 64
"""Number of bytes that are read for the extra field of a member, together with its data."""


class DamagedArchive(ValueError):
    """An archive or a member that cannot be read. The message says why."""


class Member(NamedTuple):
    """A file in an archive. ``offset`` is the position of its header."""

    raw_name: bytes
    flags: int
    method: int
    checksum: int
    packed_size: int
    size: int
    offset: int

    @property
    def name(self) -> str:
        """The name for people."""
        return self.raw_name.decode("utf-8" if self.flags & _UTF8 else "cp437", "replace")


class ZipArchive:
    """An open archive. Raises ``OSError``, and ``DamagedArchive`` if the file is none."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._start, self._end, self._shift = self._find_directory()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def members(self) -> Iterator[Member]:
        """Yield the members in the order of the archive's directory. Raises ``DamagedArchive``."""
        self._file.seek(self._start)
        position = self._start
        while position < self._end:
            entry = _unpacked(_ENTRY, _ENTRY_SIGNATURE, self._file.read(_ENTRY.size))
            flags, method, checksum, packed_size, size = entry[3], entry[4], *entry[7:10]
            offset = entry[16]
            lengths = entry[10:13]
            rest = self._file.read(sum(lengths))
            name = rest[: lengths[0]]
            if _IN_EXTRA in (size, packed_size, offset):
                extra = rest[lengths[0] : lengths[0] + lengths[1]]
                size, packed_size, offset = _with_extra(extra, size, packed_size, offset)
            yield Member(name, flags, method, checksum, packed_size, size, offset + self._shift)
            position += _ENTRY.size + len(rest)

    def packed(self, member: Member) -> bytes:
        """Return the data of a member as they are in the archive. Raises ``DamagedArchive``."""
        usual = _HEADER.size + len(member.raw_name) + _USUAL_EXTRA + member.packed_size
        read = self._read(member.offset, usual)
        header = _unpacked(_HEADER, _HEADER_SIGNATURE, read[: _HEADER.size])
        start = _HEADER.size + header[9] + header[10]
        end = start + member.packed_size
        if end > len(read):
            read += self._read(member.offset + len(read), end - len(read))
        return read[start:end]

    def _find_directory(self) -> tuple[int, int, int]:
        """Return where the directory begins and ends, and by how much all offsets are too small."""
        length = os.fstat(self._file.fileno()).st_size
        first = max(0, length - _END.size - _LONGEST_COMMENT)
        tail = self._read(first, length - first)
        place = tail.rfind(_END_SIGNATURE)
        if place < 0:
            raise DamagedArchive("it does not end like a zip archive")
        size, offset = _unpacked(_END, _END_SIGNATURE, tail[place : place + _END.size])[5:7]
        end = first + place
        if end >= _LOCATOR64.size and self._read(end - _LOCATOR64.size, 4) == _LOCATOR64_SIGNATURE:
            end -= _LOCATOR64.size + _END64.size
            size, offset = _unpacked(_END64, _END64_SIGNATURE, self._read(end, _END64.size))[8:10]
        start = end - size
        if start < offset:
            raise DamagedArchive("it is shorter than its directory says")
        return start, end, start - offset

    def _read(self, position: int, length: int) -> bytes:
        return os.pread(self._file.fileno(), length, max(0, position))


def inflated(packed: bytes, limit: int) -> bytes:
    """Return data without their compression. Raises ``DamagedArchive`` if they are damaged or longer than a limit."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        found = inflater.decompress(packed, limit + 1)
    except zlib.error as failure:
        raise DamagedArchive(str(failure)) from failure
    if len(found) > limit:
        raise DamagedArchive(f"it has more than {limit} bytes")
    if not inflater.eof:
        raise DamagedArchive("its end is missing")
    return found


def deflated(data: bytes) -> bytes:
    """Return data compressed like a member of an archive. The window is small, because most data are short."""
    deflater = zlib.compressobj(1, zlib.DEFLATED, wbits=-13, memLevel=6)
    return deflater.compress(data) + deflater.flush()


def _unpacked(record: Struct, signature: bytes, read: bytes) -> tuple[Any, ...]:
    if len(read) < record.size or not read.startswith(signature):
        raise DamagedArchive("it is cut off or damaged")
    return record.unpack(read)


def _with_extra(extra: bytes, *numbers: int) -> list[int]:
    """Return numbers, with those of the extra field in place of the ones that stand for them."""
    position = 0
    while position + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, position)
        position += _EXTRA.size
        if kind == _EXTRA64:
            field = extra[position : position + length]
            found = iter(int.from_bytes(field[at : at + 8], "little") for at in range(0, length - 7, 8))
            return [next(found, number) if number == _IN_EXTRA else number for number in numbers]
        position += length
    return list(numbers)
