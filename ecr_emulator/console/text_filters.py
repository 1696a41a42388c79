"""Filters of the templates: sizes, numbers, times and digests as people read them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from ecr_emulator.domain.names import is_digest

SIZE_UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")
TIME_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
JUST_NOW = 5
"""Seconds within which a time is just now."""
SHORT_DIGEST = 12
"""Number of hexadecimal digits of a short digest, as many as Docker shows."""


def size(number: int) -> str:
    """Return a number of bytes with three significant digits, like ``12.3 MB``. A megabyte is 1,000,000 bytes."""
    if number < 1_000:
        return f"{number} B"
    value, units = number / 1_000, iter(SIZE_UNITS)
    unit = next(units)
    while value >= 999.5:
        value, unit = value / 1_000, next(units)
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {unit}"


def number(value: int) -> str:
    """Return a number with separators of thousands, like ``1,000,000``."""
    return f"{value:,}"


def instant(value: datetime) -> str:
    """Return a time in UTC, like ``2026-11-28 22:04:31``."""
    return f"{value:%Y-%m-%d %H:%M:%S}"


def length(value: timedelta) -> str:
    """Return a length of time in its two greatest units, like ``1 day 3 hours``."""
    rest = max(0, round(abs(value).total_seconds()))
    parts = []
    for seconds, unit in TIME_UNITS:
        count, rest = divmod(rest, seconds)
        if count:
            parts.append(f"{number(count)} {unit}{'' if count == 1 else 's'}")
    return " ".join(parts[:2]) or "0 seconds"


def ago(value: datetime, now: datetime) -> str:
    """Return a time as seen from another, in its greatest unit: ``3 hours ago``, ``in 2 days`` or ``just now``.

    A time that is a hundredth short of a unit counts as the whole unit.
    """
    distance = now - value
    rest = abs(distance).total_seconds()
    if rest < JUST_NOW:
        return "just now"
    seconds, unit = next((each for each in TIME_UNITS if rest >= each[0] * 0.99), TIME_UNITS[-1])
    count = max(1, int(rest / seconds + 0.01))
    told = f"{number(count)} {unit}{'' if count == 1 else 's'}"
    return f"{told} ago" if distance > timedelta() else f"in {told}"


def short_digest(digest: str) -> str:
    """Return the algorithm and the first digits of a digest; other texts unchanged."""
    algorithm, _, hexadecimal = digest.partition(":")
    return f"{algorithm}:{hexadecimal[:SHORT_DIGEST]}" if is_digest(digest) else digest


FILTERS: dict[str, Callable[..., str]] = {
    "size": size,
    "number": number,
    "instant": instant,
    "length_of_time": length,
    "ago": ago,
    "short_digest": short_digest,
}
