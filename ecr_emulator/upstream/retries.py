"""Timeouts and retries of requests to upstreams."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from ecr_emulator.ports.upstream_failures import UpstreamFailure
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.upstream.negative_cache import NEGATIVE_TTL

Outcome = TypeVar("Outcome")


class Payload(Enum):
    """The kind of body that a request asks for: a document (a manifest, a token), or a blob, which may take hours."""

    DOCUMENT = "document"
    BLOB = "blob"


class AttemptFailed(Exception):
    """An attempt failed, but another one may succeed. ``failure`` is raised if the next attempts fail too.

    ``pause`` is the number of seconds that the upstream asked to wait, or None; ``host`` is the host that failed.
    """

    def __init__(self, failure: UpstreamFailure, pause: float | None = None, host: str | None = None) -> None:
        super().__init__(failure.reason)
        self.failure = failure
        self.pause = pause
        self.host = host


class ReadTimedOut(AttemptFailed):
    """The upstream received the request and did not answer in time."""


class NotRetryable(AttemptFailed):
    """Another attempt would fail as well: the certificate is not trusted, or the host asks for a long pause."""


@dataclass(frozen=True, slots=True)
class Retries:
    """Timeouts, and the number of attempts with the pauses between them. Times are in seconds.

    ``pause`` waits, ``spread`` returns a random factor near 1 for pauses, and ``elapsed`` returns the seconds by which
    circuit breakers, tokens and rate limits are timed. Tests replace them to avoid waiting. ``negative_ttl`` is the
    time for which ``NegativeCache`` remembers "not found".
    """

    connect_timeout: float = 5.0
    document_timeout: float = 15.0
    blob_timeout: float = 30.0
    attempts: int = 3
    first_pause: float = 0.5
    longest_retry_after: float = 5.0
    resumes: int = 5
    negative_ttl: float = NEGATIVE_TTL
    pause: Callable[[float], None] = time.sleep
    spread: Callable[[], float] = lambda: 1.0
    elapsed: Callable[[], float] = time.monotonic

    def idle_timeout(self, payload: Payload) -> float:
        """Return the seconds for which an upstream may send nothing."""
        return self.blob_timeout if payload is Payload.BLOB else self.document_timeout

    def run(self, attempt: Callable[[], Outcome], *, after_timeout: bool = False) -> Outcome:
        """Return the outcome of the first attempt that does not fail.

        A read timeout ends the attempts unless ``after_timeout``. Raises the last ``AttemptFailed``, and any other
        exception of an attempt.
        """
        for number in range(1, self.attempts):
            try:
                return attempt()
            except AttemptFailed as failed:
                if isinstance(failed, NotRetryable) or (isinstance(failed, ReadTimedOut) and not after_timeout):
                    raise
                pause = failed.pause
            self.wait(number, pause)
        return attempt()

    def wait(self, number: int, asked_for: float | None = None) -> None:
        """Wait before the next attempt: as long as the upstream asked for, else twice as long each time."""
        self.pause(self.first_pause * 2 ** (number - 1) * self.spread() if asked_for is None else asked_for)
