"""Adapters for the clock and the randomness of the system."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, NamedTuple

from ecr_emulator.ports.nodes import Changing

_BELOW_MILLISECONDS = [timedelta(microseconds=number) for number in range(1000)]
"""The parts of instants that are cut off. Every pull asks for the time, and ``datetime.replace`` takes much longer."""


_VARIANTS = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""The first digit of the fourth group of a UUID, of which two bits are fixed."""


QUESTIONS = 3
"""Number of times that a clock asks another one. The answer that took the least time counts."""


class ClockState(NamedTuple):
    """The state of a clock, beside the time of the machine.

    ``offset`` is the difference, ``skipped`` and ``paused`` are the times by which it was moved forward and for which
    pauses did not wait, ``frozen`` is the instant at which it stands.
    """

    offset: timedelta
    skipped: timedelta
    paused: timedelta
    frozen: datetime | None


class SystemClock:
    """The machine's time in whole milliseconds, until it is moved, set or frozen.

    It is a ``ports.nodes.SharedSetting``: a move on one node moves the clocks of all, by the times of their machines.
    """

    def __init__(self) -> None:
        self.changing: Changing = nullcontext
        self._offset = timedelta()
        self._frozen: datetime | None = None
        self._skipped = timedelta()
        self._paused = timedelta()
        self._correction = timedelta()
        self._lock = Lock()

    def now(self) -> datetime:
        """Return the current instant, aware and in UTC."""
        instant = self._frozen or datetime.now(UTC) + self._offset
        return instant - _BELOW_MILLISECONDS[instant.microsecond % 1000]

    @property
    def is_frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._frozen is not None

    @property
    def ahead(self) -> timedelta:
        """The time by which the clock is ahead of the machine's; negative if it is behind."""
        ahead = self.now() - datetime.now(UTC) if self._frozen else self._offset
        return ahead - self._correction

    def advance(self, by: timedelta) -> datetime:
        """Move the clock forward and return its new time. With this, a test of a 24 hour timer takes milliseconds."""
        with self.changing(), self._lock:
            self._offset += by
            self._skipped += by
            if self._frozen:
                self._frozen += by
        return self.now()

    def freeze(self) -> None:
        """Stop the clock at the current instant."""
        with self.changing(), self._lock:
            self._frozen = self._frozen or self.now()

    def set(self, instant: datetime) -> None:
        """Set the clock to an instant, which may be in the past. A frozen clock stays frozen there."""
        with self.changing(), self._lock:
            self._offset = instant - datetime.now(UTC)
            if self._frozen:
                self._frozen = instant

    def follow_machine(self) -> None:
        """Set the clock back to the machine's time, and unfreeze it."""
        with self.changing(), self._lock:
            self._offset = self._correction
            self._frozen = None

    def agree(self, ask: Callable[[], datetime]) -> None:
        """Count as the machine's time what ``ask`` answers, if the difference is more than the time of an answer.

        Nodes on several machines agree with the clock of their database, and so with each other.
        """
        answers = []
        for _ in range(QUESTIONS):
            began = datetime.now(UTC)
            answer = ask()
            ended = datetime.now(UTC)
            answers.append((ended - began, answer - (began + (ended - began) / 2)))
        duration, difference = min(answers)
        with self._lock:
            before, self._correction = self._correction, difference if abs(difference) > duration else timedelta()
            self._offset += self._correction - before

    def snapshot(self) -> ClockState:
        """Return the state of the clock, for ``restore``."""
        return ClockState(self._offset, self._skipped, self._paused, self._frozen)

    def restore(self, snapshot: ClockState) -> None:
        """Restore the offset of a snapshot, so that the time since the snapshot also passes on the restored clock."""
        with self.changing(), self._lock:
            self._offset, self._skipped, self._paused, self._frozen = snapshot

    def dump(self) -> dict[str, Any]:
        """Return the moves of the clock as a JSON document, in seconds."""
        frozen = self._frozen.isoformat() if self._frozen else None
        offset = self._offset - self._correction
        return {"offset": offset.total_seconds(), "skipped": self._skipped.total_seconds(), "frozen": frozen}

    def load(self, document: Mapping[str, Any]) -> None:
        """Take over the moves of the clock of another node."""
        frozen = document["frozen"]
        with self._lock:
            self._offset = timedelta(seconds=document["offset"]) + self._correction
            self._skipped = timedelta(seconds=document["skipped"])
            self._frozen = datetime.fromisoformat(frozen) if frozen else None

    def elapsed(self) -> float:
        """Return the seconds since an arbitrary instant. They grow with real time and with ``advance``, never shrink.

        Pauses of requests to upstreams are measured with them, so that setting the machine's time back does not end or
        extend the pauses.
        """
        return time.monotonic() + (self._skipped + self._paused).total_seconds()

    def pause(self, seconds: float) -> None:
        """Wait for a number of seconds of real time; while the clock is frozen, only add them to ``elapsed``."""
        with self._lock:
            if self._frozen:
                self._paused += timedelta(seconds=seconds)
                return
        time.sleep(seconds)


class RandomIds:
    """Random identifiers."""

    def uuid(self) -> str:
        """Return a new random UUID in its canonical form. ``uuid.uuid4`` takes three times as long."""
        digits = os.urandom(16).hex()
        variant = _VARIANTS[digits[16]]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def chances(seed: int) -> Callable[[], float]:
    """Return a source of numbers from 0 to 1; equal seeds give equal numbers."""
    return random.Random(seed).random  # noqa: S311 - repeatable, for faults that tests inject


def spread() -> float:
    """Return a random factor between 0.8 and 1.2, so that waiting requests are not all repeated at the same moment."""
    return random.SystemRandom().uniform(0.8, 1.2)
