"""ECR's wildcard patterns: ``*`` matches any characters, even none; other characters match themselves."""

from __future__ import annotations


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern matches the whole text. The time is proportional to the length of the text for any pattern."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    *middle, last = rest
    start, stop = len(first), len(text) - len(last)
    if start > stop or not (text.startswith(first) and text.endswith(last)):
        return False
    for piece in middle:
        found = text.find(piece, start, stop)
        if found < 0:
            return False
        start = found + len(piece)
    return True
