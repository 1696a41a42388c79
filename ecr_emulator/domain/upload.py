"""Upload sessions: each receives the bytes of one blob, as layer parts or by OCI requests."""

from __future__ import annotations

from datetime import datetime, timedelta

from ecr_emulator.quick_dataclasses import dataclass

PART_SIZE = 10_485_760
"""The part size that InitiateLayerUpload proposes, in bytes."""
MIN_PART_SIZE = 5 * 1024 * 1024
"""Minimum size in bytes of every part except the last; checked when the upload is completed."""
MAX_PARTS = 4_200
MAX_LAYER_SIZE = 52_000 * 1024 * 1024
GRACE = timedelta(hours=26)
"""Time after which garbage collection deletes an upload that has not grown, or a layer that no image refers to.

It is longer than 25 hours, because users move the clock by 24 or 25 hours to test the check of tags, perhaps while
others push.
"""


@dataclass(frozen=True, slots=True)
class Upload:
    """The progress of an upload, which expires after ``GRACE``.

    ``size`` is in bytes; ``touched_at`` is when the upload began or last grew.
    """

    id: str
    repository_key: int
    touched_at: datetime
    size: int = 0
    parts: int = 0
    last_part_size: int = 0
    has_small_part: bool = False
    first_part_size: int = 0

    @property
    def last_byte(self) -> int:
        """The offset of the last received byte; 0 before the first byte, because ECR's shape has the minimum 0."""
        return max(self.size - 1, 0)
