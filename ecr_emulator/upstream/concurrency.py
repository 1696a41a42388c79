"""Limits the number of concurrent requests to a host, and that of blobs, which take long, among them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from threading import BoundedSemaphore

from ecr_emulator.upstream.retries import Payload

REQUESTS_PER_HOST = 8
BLOBS_PER_HOST = 6
"""Fewer, so that a manifest never waits behind blobs."""


class ConcurrencyLimit:
    """The places for requests to one host. Safe to use from many threads."""

    def __init__(self) -> None:
        self._all = BoundedSemaphore(REQUESTS_PER_HOST)
        self._blobs = BoundedSemaphore(BLOBS_PER_HOST)

    def take(self, payload: Payload) -> Callable[[], None]:
        """Wait for a place; return a function that gives it back and may be called again."""
        places = ExitStack()
        if payload is Payload.BLOB:
            places.enter_context(self._blobs)
        places.enter_context(self._all)
        return places.close
