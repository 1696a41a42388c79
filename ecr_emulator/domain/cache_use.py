"""The use of the pull through cache by one pull, as the log and the metrics state it."""

from __future__ import annotations

from typing import NamedTuple

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.quick_dataclasses import dataclass

HIT = "hit"
"""The upstream was not asked."""
MISS = "miss"
"""The upstream was asked for something that was not stored."""
CHECK = "check"
"""The upstream was asked whether a stored tag has moved."""
STALE = "stale"
"""A check was due, but the upstream failed, or the new image is not complete yet: the stored image was served."""
OUTCOMES = (HIT, MISS, CHECK, STALE)


@dataclass(frozen=True, slots=True)
class CacheUse:
    """The rule that covers the repository of a pull, and one of ``OUTCOMES``."""

    rule: PullThroughRule
    outcome: str


class FetchedManifest(NamedTuple):
    """A manifest that a rule covers, and one of ``OUTCOMES``.

    ``unchecked`` is a reason for users if the emulator served the stored image without an answer of the upstream.
    """

    manifest: StoredManifest
    outcome: str
    unchecked: str | None = None
