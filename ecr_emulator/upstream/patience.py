"""How long to wait for an upstream and how often to ask it again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ecr_emulator.errors import UpstreamFailure

Outcome = TypeVar("Outcome")


class Interruption(Exception):
    """An attempt ended in a way that may pass. ``failure`` is what it comes to if it does not.

    ``pause`` is in seconds, where the upstream said when to come back.
    """

    def __init__(self, failure: UpstreamFailure, pause: float | None = None) -> None:
        super().__init__(failure.reason)
        self.failure = failure
        self.pause = pause


class Silence(Interruption):
    """The upstream took the request and then said nothing for as long as we listen."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Timeouts and pauses in seconds. ``pause`` waits; tests that must not wait replace it."""

    connect: float = 5.0
    manifest_idle: float = 15.0
    blob_idle: float = 30.0
    tries: int = 3
    first_pause: float = 0.5
    longest_retry_after: float = 5.0
    resumes: int = 5
    pause: Callable[[float], None] = time.sleep

    def persist(self, attempt: Callable[[], Outcome], *, after_silence: bool = False) -> Outcome:
        """The outcome of the first attempt that is not interrupted; silence ends it at once unless told otherwise.

        Raises ``UpstreamFailure``.
        """
        for number in range(1, self.tries):
            try:
                return attempt()
            except Interruption as interruption:
                if isinstance(interruption, Silence) and not after_silence:
                    raise interruption.failure from interruption
                pause = interruption.pause
            self.wait(number, pause)
        try:
            return attempt()
        except Interruption as last:
            raise last.failure from last

    def wait(self, number: int, asked_for: float | None = None) -> None:
        """Wait before asking again: as long as the upstream asked for, else twice as long each time."""
        self.pause(self.first_pause * 2 ** (number - 1) if asked_for is None else asked_for)
