"""Lengths of time as people write them: ``90``, ``90s``, ``30m``, ``24h``, ``30d``, ``1d12h``."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"(?:\d+[smhd])+")


def parse_duration(text: str) -> timedelta:
    """A length of time; a bare number is seconds. Raises ``ValueError`` that says what would be right."""
    if text.isdecimal():
        text = f"{text}s"
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a length of time; write seconds (90) or units (30m, 24h, 1d12h)")
    parts = re.findall(r"(\d+)([smhd])", text)
    try:
        return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    except (OverflowError, ValueError) as beyond:  # ValueError: Python reads no number of thousands of digits
        raise ValueError(f"{text[:20]!r} is longer than all time") from beyond
