"""Lengths of time as users write them: ``90``, ``90s``, ``30m``, ``24h``, ``30d``, ``1d12h``."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LONGEST_GRACE = timedelta(days=36_525)
"""A century. Nothing in the emulator is older, and much longer times would exceed the range of ``datetime``."""
_DURATION = re.compile(r"(?:[0-9]+[smhd])+")


def parse_duration(text: str) -> timedelta:
    """Parse a length of time; a bare number is in seconds. Raises ``ValueError`` with the expected form."""
    if text.isascii() and text.isdecimal():
        text = f"{text}s"
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text[:100]!r} is not a length of time; write seconds (90) or units (30m, 24h, 1d12h)")
    parts = re.findall(r"([0-9]+)([smhd])", text)
    try:
        return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    except (OverflowError, ValueError) as beyond:  # ValueError: Python parses no number with thousands of digits
        raise ValueError(f"{text[:20]!r} is longer than all time") from beyond


def parse_grace(text: str) -> timedelta:
    """Parse the age below which garbage collection keeps something. Raises ``ValueError`` like ``parse_duration``."""
    grace = parse_duration(text)
    if grace > LONGEST_GRACE:
        raise ValueError(f"{text[:20]!r} is longer than {LONGEST_GRACE.days} days")
    return grace
