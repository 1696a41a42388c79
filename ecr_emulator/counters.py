"""Counters: totals by labels, in plain Python objects, for the metrics."""

from __future__ import annotations

from threading import Lock

MOST = 2_000
"""Maximum number of label values that are told apart. Labels that clients could invent end here."""
OTHER = "other"

Labels = tuple[str, ...]


class Counters:
    """Totals by the values of labels. Safe to use from many threads.

    After ``most`` different values, further ones are counted together as ``OTHER``.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._totals: dict[Labels, int] = {}
        self._lock = Lock()

    def add(self, labels: Labels, number: int = 1) -> None:
        """Add a number to the total of some labels."""
        with self._lock:
            if labels not in self._totals and len(self._totals) >= self._most:
                labels = (OTHER,) * len(labels)
            self._totals[labels] = self._totals.get(labels, 0) + number

    def totals(self) -> dict[Labels, int]:
        """Return the totals by labels."""
        with self._lock:
            return dict(self._totals)
