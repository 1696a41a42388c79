"""Lengths of time and instants, as tests write them."""

from __future__ import annotations

from datetime import datetime, timedelta

from ecr_emulator.domain.durations import parse_duration


def read_length(given: timedelta | str) -> timedelta:
    """Return a length of time. Raises ``ValueError`` for lengths below zero, and for what is none."""
    length = parse_duration(given) if isinstance(given, str) else given
    if not isinstance(length, timedelta):
        raise ValueError(f"a length of time is like timedelta(hours=25) or '25h', not {given!r}")
    if length < timedelta():
        raise ValueError(f"advance moves forward, not by {length}; set goes to any time")
    return length


def read_instant(given: datetime) -> datetime:
    """Return an instant. Raises ``ValueError`` for what is none."""
    if isinstance(given, datetime):
        return given
    raise ValueError(f"an instant is like datetime(2030, 1, 1, tzinfo=UTC), not {given!r}")
