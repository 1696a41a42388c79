"""Numbers and times in words, for the output of commands."""

from __future__ import annotations

from datetime import datetime, timedelta

_UNITS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "m"))


def counted(number: int, what: str) -> str:
    """``1 blob``, ``2 blobs``."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def size_in_words(count: float) -> str:
    """``512 B``, ``3.4 kB``, ``12.0 MB``: bytes in powers of a thousand, as docker writes them."""
    if count < 1_000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB"):
        count /= 1_000
        if count < 1_000:
            return f"{count:.1f} {unit}"
    return f"{count / 1_000:.1f} GB"


def short_digest(digest: str) -> str:
    """Return the beginning of a digest, as docker shows the identifier of an image."""
    return digest.partition(":")[2][:12]


def time_in_words(length: timedelta) -> str:
    """``12s``, ``5m``, ``3h``, ``2d``: the largest unit that fits."""
    for unit, name in _UNITS:
        if length >= unit:
            return f"{length // unit}{name}"
    return f"{max(int(length.total_seconds()), 0)}s"


def ago(instant: str | None, now: datetime, never: str = "never") -> str:
    """Return the time since an ISO instant, in words."""
    return f"{time_in_words(now - datetime.fromisoformat(instant))} ago" if instant else never


def ahead(instant: str | None, now: datetime) -> str:
    """Return the time until an ISO instant, in words."""
    return f"for another {time_in_words(datetime.fromisoformat(instant) - now)}" if instant else ""
