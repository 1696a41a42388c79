"""Writing down what no answer depends on: where it cannot be written, it is left out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ecr_emulator.ports.storage_failures import StorageFailure

log = logging.getLogger(__name__)


@contextmanager
def optional_write(what: str) -> Iterator[None]:
    """Around a unit that writes: where it cannot, the block ends, the log has a line, and the client its answer."""
    try:
        yield
    except StorageFailure as failure:
        log.warning("%s is not recorded: %s", what, failure.reason)
