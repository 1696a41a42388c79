"""Text that is safe to print."""

from __future__ import annotations


def one_line(text: str) -> str:
    """Return a text that somebody else wrote as one line, without characters that control a terminal."""
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)
