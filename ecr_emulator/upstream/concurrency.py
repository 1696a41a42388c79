"""Limits of concurrent requests to a host: of all requests, and of requests for blobs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from threading import BoundedSemaphore

from ecr_emulator.upstream.retries import Payload

REQUESTS_PER_HOST = 8
BLOBS_PER_HOST = 6
"""Less than ``REQUESTS_PER_HOST``, so that a manifest never waits for blobs."""


class ConcurrencyLimit:
    """The limit of concurrent requests to one host. Safe to use from many threads."""

    def __init__(self) -> None:
        self._all = BoundedSemaphore(REQUESTS_PER_HOST)
        self._blobs = BoundedSemaphore(BLOBS_PER_HOST)

    def take(self, payload: Payload) -> Callable[[], None]:
        """Wait until a request may start; return a function to call, once or more, when it has ended."""
        places = ExitStack()
        if payload is Payload.BLOB:
            places.enter_context(self._blobs)
        places.enter_context(self._all)
        return places.close
