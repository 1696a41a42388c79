"""ECR's wildcard patterns: ``*`` stands for any run of characters, also none; everything else for itself."""

from __future__ import annotations


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern describes the whole text. Takes time in proportion to the text, whatever the pattern."""
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
