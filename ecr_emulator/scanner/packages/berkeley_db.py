"""Hash databases in the format of Berkeley DB, versions 8 to 10 of the format.

https://github.com/berkeleydb/libdb/blob/master/src/dbinc/db_page.h
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO, NamedTuple

from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.scanner.packages.files import UnreadableFile

_MAGIC = 0x061561
_VERSIONS = range(8, 11)
_META = "12xIIIBBB5xI"
"""The first page: magic number, version, size of pages, encryption, type, flags, and the number of the last page."""
_PAGE = "8xI4xIHHxB"
"""The header of another page: its number, that of the next page, count of items, length of overflow, and type."""
_PAGE_HEADER_SIZE = 26
_PAGE_SIZES = [512 << power for power in range(8)]
_META_TYPE = 8
_OVERFLOW_TYPE = 7
_BUCKET_TYPES = (2, 13)
"""Pages with the items of a bucket, unsorted or sorted."""
_INLINE, _OFF_PAGE = 1, 3
"""Types of items: with their bytes, or with the number of the overflow page that has them."""
_MAX_VALUE = 32 * 1024 * 1024
"""Maximum number of bytes of a key or a value."""


class _Page(NamedTuple):
    following: int
    entries: int
    length: int
    kind: int
    data: bytes


def read_pairs(database: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values, in the order of the pages. Raises ``UnreadableFile``."""
    size = database.seek(0, 2)
    database.seek(0)
    start = database.read(struct.calcsize("<" + _META))
    try:
        found = {order: struct.unpack(order + _META, start) for order in "<>"}
    except struct.error as failure:
        raise UnreadableFile("it is incomplete") from failure
    for order, (magic, version, page_size, encryption, kind, flags, last) in found.items():
        if magic == _MAGIC and kind == _META_TYPE:
            if version not in _VERSIONS or page_size not in _PAGE_SIZES or encryption or flags:
                raise UnreadableFile("it is of another version of Berkeley DB, encrypted or with checksums")
            if (last + 1) * page_size > size:
                raise UnreadableFile(f"it is incomplete: {(last + 1) * page_size} bytes are {size}")
            yield from _Database(database, order, page_size, bytearray(last + 1)).pairs()
            return
    raise UnreadableFile("it does not begin as a hash database of Berkeley DB")


@dataclass(slots=True)
class _Database:
    """``order`` is the byte order. ``used`` has a byte for each page, 1 for the overflow pages that have been read."""

    file: IO[bytes]
    order: str
    page_size: int
    used: bytearray

    def pairs(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the keys and values of all buckets."""
        for number in range(1, len(self.used)):
            page = self._page(number)
            if page.kind in _BUCKET_TYPES:
                items = self._items(page, number)
                yield from zip(items, items, strict=True)

    def _page(self, number: int) -> _Page:
        self.file.seek(number * self.page_size)
        data = self.file.read(self.page_size)
        own, following, entries, length, kind = struct.unpack_from(self.order + _PAGE, data)
        if own != number and kind in (*_BUCKET_TYPES, _OVERFLOW_TYPE):
            raise UnreadableFile(f"page {number} is damaged")
        return _Page(following, entries, length, kind, data)

    def _items(self, page: _Page, number: int) -> Iterator[bytes]:
        """Yield keys and values by turns. They lie one before the other, from the end of the page on."""
        first = _PAGE_HEADER_SIZE + 2 * page.entries
        if page.entries % 2 or first > self.page_size:
            raise UnreadableFile(f"page {number} is damaged")
        end = self.page_size
        for start in struct.unpack_from(f"{self.order}{page.entries}H", page.data, _PAGE_HEADER_SIZE):
            if not first <= start < end:
                raise UnreadableFile(f"page {number} is damaged")
            yield self._item(page.data[start:end], number)
            end = start

    def _item(self, item: bytes, number: int) -> bytes:
        if item[0] == _INLINE:
            return item[1:]
        if item[0] != _OFF_PAGE or len(item) != 12:
            raise UnreadableFile(f"page {number} has an item of an unknown kind")
        return self._value(*struct.unpack(self.order + "4xII", item))

    def _value(self, number: int, size: int) -> bytes:
        """Return what begins on an overflow page. No such page belongs to two items, or twice to one."""
        parts = []
        missing = size
        while missing > 0:
            if number >= len(self.used) or self.used[number] or size > _MAX_VALUE:
                raise UnreadableFile(f"an item that has overflow page {number} is damaged")
            self.used[number] = 1
            page = self._page(number)
            if page.kind != _OVERFLOW_TYPE:
                raise UnreadableFile(f"page {number} is no overflow page")
            parts.append(page.data[_PAGE_HEADER_SIZE:][: min(page.length, missing)])
            missing -= len(parts[-1])
            number = page.following
        return b"".join(parts)
