"""How long to wait for an upstream, how often to ask it again, and when to leave it alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from ecr_emulator.ports.upstream_failures import UpstreamFailure

Outcome = TypeVar("Outcome")


class Freight(Enum):
    """What a request is to bring: a document (a manifest, a token), or a blob, which may take hours."""

    DOCUMENT = "document"
    BLOB = "blob"


class Interruption(Exception):
    """An attempt ended in a way that may pass. ``failure`` is what it comes to if it does not.

    ``pause`` is in seconds, where the upstream said when to come back; ``host`` is the host whose fault it was.
    """

    def __init__(self, failure: UpstreamFailure, pause: float | None = None, host: str | None = None) -> None:
        super().__init__(failure.reason)
        self.failure = failure
        self.pause = pause
        self.host = host


class Silence(Interruption):
    """The upstream took the request and then said nothing for as long as we listen."""


class Refusal(Interruption):
    """Another try would bring the same: the certificate is not trusted, or the host says that it will be long."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Timeouts, pauses and rests in seconds.

    ``pause`` waits, ``spread`` is a factor near 1 by which pauses differ, and ``elapsed`` counts the seconds that rests
    are measured in; tests that must not wait replace them. An image that an upstream does not have, or does not show,
    is not asked for again for as long as ``absence`` and ``denial``.
    """

    connect: float = 5.0
    manifest_idle: float = 15.0
    blob_idle: float = 30.0
    tries: int = 3
    first_pause: float = 0.5
    longest_retry_after: float = 5.0
    resumes: int = 5
    absence: float = 5.0
    denial: float = 10.0
    pause: Callable[[float], None] = time.sleep
    spread: Callable[[], float] = lambda: 1.0
    elapsed: Callable[[], float] = time.monotonic

    def idle(self, freight: Freight) -> float:
        """How long an upstream may stay silent, in seconds."""
        return self.blob_idle if freight is Freight.BLOB else self.manifest_idle

    def persist(self, attempt: Callable[[], Outcome], *, after_silence: bool = False) -> Outcome:
        """The outcome of the first attempt that is not interrupted; silence ends it at once unless told otherwise.

        Raises the last ``Interruption``, and what else the attempts raise.
        """
        for number in range(1, self.tries):
            try:
                return attempt()
            except Interruption as interruption:
                if isinstance(interruption, Refusal) or (isinstance(interruption, Silence) and not after_silence):
                    raise
                pause = interruption.pause
            self.wait(number, pause)
        return attempt()

    def wait(self, number: int, asked_for: float | None = None) -> None:
        """Wait before asking again: as long as the upstream asked for, else twice as long each time."""
        self.pause(self.first_pause * 2 ** (number - 1) * self.spread() if asked_for is None else asked_for)
