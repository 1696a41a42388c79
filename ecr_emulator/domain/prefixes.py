"""Repository prefixes of pull through cache rules and creation templates."""

from __future__ import annotations

ROOT = "ROOT"
"""The prefix that covers every repository name."""


def stored_prefix(given: str) -> str:
    """Return a prefix as it is stored: without a slash at its end, which is implied."""
    return given.removesuffix("/")


def has_prefix(repository_name: str, prefix: str) -> bool:
    """Whether a repository name is under a prefix."""
    return prefix == ROOT or repository_name.startswith(f"{prefix}/")


def precedence(prefix: str) -> tuple[bool, int]:
    """Return a sort key for the prefixes of one name: the longest is the greatest, and ``ROOT`` is the least."""
    return prefix != ROOT, len(prefix)
