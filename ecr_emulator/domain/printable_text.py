"""Text that is safe to print."""

from __future__ import annotations


def one_line(text: str) -> str:
    """Return a foreign text as one line without control characters, so that it can be shown in a terminal."""
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)
