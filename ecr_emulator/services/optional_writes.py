"""Optional writes: records that no response depends on, left out if the disk is full."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ecr_emulator.ports.storage_failures import StorageFailure

log = logging.getLogger(__name__)


@contextmanager
def optional_write(what: str) -> Iterator[None]:
    """Run a block that writes. If ``StorageFailure`` ends the block, log a warning that ``what`` is not recorded."""
    try:
        yield
    except StorageFailure as failure:
        log.warning("%s is not recorded: %s", what, failure.reason)
