"""The download of a blob by another node, which the readers of this node follow."""

from __future__ import annotations

from concurrent.futures import wait
from time import monotonic

from ecr_emulator.ports.shared_fetches import ArrivingBlob
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.pull_through.blob_download import BlobDownload
from ecr_emulator.services.pull_through.fetch_turns import PATIENCE, FetchTurns, Turn

PAUSE = 0.02
"""Seconds between two looks at the bytes that another node has written."""
PATIENCE_UNSEEN = 1_800.0
"""Seconds for which a node waits for a blob whose bytes it does not see arrive, because they have no common folder."""


@dataclass(slots=True)
class FollowedDownload:
    """Leads the readers of a download to the bytes that another node is writing. ``arrived`` are the last of them."""

    digest: str
    download: BlobDownload
    turns: FetchTurns
    arrived: ArrivingBlob | None = None

    def follow(self, turn: Turn) -> None:
        """Tell the readers of bytes that arrive, until it is this node's turn.

        Raises ``TimeoutError`` if none arrive for a long time.
        """
        size, since = 0, monotonic()
        while not turn.done():
            if self.arrived is None or self.arrived.is_over:
                self._look()
            if self.arrived and self.arrived.size != size:
                size, since = self.arrived.size, monotonic()
                self.download.note_progress(size)
            if monotonic() - since > (PATIENCE if self.arrived else PATIENCE_UNSEEN):
                raise TimeoutError
            wait((turn,), PAUSE)

    def close(self) -> None:
        """Close the file of the other node; readers have their own."""
        if self.arrived:
            self.arrived.close()

    def _look(self) -> None:
        """Go over to the attempt that the other node has begun, if there is one."""
        found = self.turns.arriving(self.digest)
        if found:
            self.close()
            self.arrived = found
            self.download.read_from(found)
