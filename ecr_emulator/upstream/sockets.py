"""How many requests are under way at one host, and that blobs, which take long, do not take all the places."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from threading import BoundedSemaphore

from ecr_emulator.upstream.retries import Payload

SOCKETS_PER_HOST = 8
BLOBS_PER_HOST = 6
"""Fewer, so that a manifest never waits behind blobs."""


class Sockets:
    """The places of one host. Safe to use from many threads."""

    def __init__(self) -> None:
        self._all = BoundedSemaphore(SOCKETS_PER_HOST)
        self._blobs = BoundedSemaphore(BLOBS_PER_HOST)

    def take(self, payload: Payload) -> Callable[[], None]:
        """Wait for a place; returns what gives it back, any number of times."""
        places = ExitStack()
        if payload is Payload.BLOB:
            places.enter_context(self._blobs)
        places.enter_context(self._all)
        return places.close
