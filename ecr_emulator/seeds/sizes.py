"""Sizes in bytes, with or without a unit."""

from __future__ import annotations

import re

_UNITS = {"B": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_SIZE = re.compile(rf"([0-9]+(?:\.[0-9]+)?)({'|'.join(_UNITS)})")


def read_size(size: int | str) -> int:
    """Return a number of bytes; ``50MB`` are fifty million. Raises ``ValueError`` for a text without a known unit."""
    if not isinstance(size, str):
        return size
    match = _SIZE.fullmatch(size)
    if match is None:
        raise ValueError(f"size must be a number of bytes, or one with a unit like 50MB, not {size!r}")
    return int(float(match[1]) * _UNITS[match[2]])
