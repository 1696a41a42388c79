"""Make hash databases in the format of Berkeley DB by hand, with keys in one bucket of several pages."""

from __future__ import annotations

import struct
from collections.abc import Mapping

PAGE_SIZE = 512
_HEADER_SIZE = 26
_META, _BUCKET, _OVERFLOW, _FREE = 8, 13, 7, 0
_INLINE, _OFF_PAGE = b"\1", b"\3\0\0\0"


class _Pages:
    """Pages after the first one, which a bucket begins."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.made: list[bytes] = []

    def add(self, kind: int, body: bytes, entries: int = 0, length: int = 0, following: int = 0) -> int:
        number = len(self.made) + 1
        header = struct.pack(f"{self.order}8xIIIHHBB", number, 0, following, entries, length, 0, kind)
        self.made.append((header + body).ljust(PAGE_SIZE, b"\0"))
        return number

    def item(self, data: bytes) -> bytes:
        """Return an item. One that is larger than a quarter of a page refers to overflow pages."""
        if len(data) <= PAGE_SIZE // 4:
            return _INLINE + data
        room = PAGE_SIZE - _HEADER_SIZE
        parts = [data[start : start + room] for start in range(0, len(data), room)]
        for number, part in enumerate(parts, 1):
            following = len(self.made) + 2 if number < len(parts) else 0
            self.add(_OVERFLOW, part, entries=1, length=len(part), following=following)
        return _OFF_PAGE + struct.pack(f"{self.order}II", len(self.made) - len(parts) + 1, len(data))


def berkeley_database(pairs: Mapping[bytes, bytes], order: str = "<") -> bytes:
    """Return a database. ``order`` is the byte order of its numbers. A free page follows each pair."""
    pages = _Pages(order)
    for pair in pairs.items():
        items = [pages.item(each) for each in pair]
        offsets = [PAGE_SIZE - len(items[0]), PAGE_SIZE - len(items[0]) - len(items[1])]
        body = struct.pack(f"{order}2H", *offsets)
        body += bytes(offsets[1] - _HEADER_SIZE - len(body)) + items[1] + items[0]
        pages.add(_BUCKET, body, entries=2, length=offsets[1])
        pages.add(_FREE, b"old bytes")
    fields = (0x061561, 9, PAGE_SIZE, 0, _META, 0, len(pages.made))
    meta = struct.pack(f"{order}12xIIIBBB5xI", *fields)
    return b"".join([meta.ljust(PAGE_SIZE, b"\0"), *pages.made])


def rpm_pairs(*headers: bytes, order: str = "<") -> dict[bytes, bytes]:
    """Return what ``Packages`` of rpm has: numbers of packages with their headers, and the last number under 0."""
    numbers = [struct.pack(f"{order}I", number) for number in range(len(headers) + 1)]
    return dict(zip(numbers, [numbers[-1], *headers], strict=True))
