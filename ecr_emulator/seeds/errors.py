"""The error of a seed."""

from __future__ import annotations


class SeedError(ValueError):
    """A seed cannot be read or applied. The message names the file, the line and the key, one line for each problem."""
