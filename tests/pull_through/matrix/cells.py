"""Cells of the fault matrix: the expected results of one fault in one phase."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from tests.pull_through.matrix.scenario import Scenario

ALWAYS = 10**6
PHASES = "TRULMCBF"

Break = Callable[[Scenario, int], AbstractContextManager[None]]
"""Breaks something while the block runs; a fault in answers concerns a number of them."""


@dataclass(frozen=True)
class Cell:
    """The expected results of one fault in one phase.

    ``says`` is the answer of ``Scenario.get``, or a choice of answers. ``asks`` is the number of requests of the phase
    that the upstream gets, or a range if threads race. A ``garbled`` body is wrong from its first byte on. ``event`` is
    SUCCESS, the code of the failure, or None for no event. ``kept`` says whether the object of the phase is stored at
    the end.
    """

    says: tuple[str, ...]
    asks: range
    event: str | None
    kept: bool
    times: int = ALWAYS
    garbled: bool = False
    moved: bool = False
    by: Break | None = None


@dataclass(frozen=True)
class Told:
    """A cell that needs more than one client or one answer: the name of the test that tells its story."""

    test: str


@dataclass(frozen=True)
class Row:
    """One fault in the phases in which it can happen. ``options`` are arguments of ``running_scenario``."""

    fault: str
    by: Break | None = None
    options: dict[str, Any] = field(default_factory=dict)
    T: Cell | Told | None = None
    R: Cell | Told | None = None
    U: Cell | Told | None = None
    L: Cell | Told | None = None
    M: Cell | Told | None = None
    C: Cell | Told | None = None
    B: Cell | Told | None = None
    F: Cell | Told | None = None

    def cells(self) -> dict[str, Cell | Told]:
        """The cells by phase, without those where the fault cannot happen."""
        return {phase: cell for phase in PHASES if (cell := getattr(self, phase))}


UNAVAILABLE, DENIED, NOT_FOUND, TOO_MANY = (
    "UpstreamUnavailable",
    "UpstreamAccessDenied",
    "ImageNotFound",
    "UpstreamTooManyRequests",
)


def _range(asks: int | range) -> range:
    return range(asks, asks + 1) if isinstance(asks, int) else asks


def ok(asks: int | range, times: int = ALWAYS, **more: Any) -> Cell:
    """The client gets all bytes, and they are stored."""
    return Cell(("200",), _range(asks), "SUCCESS", kept=True, times=times, **more)


def checked(asks: int | range, times: int = ALWAYS, **more: Any) -> Cell:
    """The check finds the cached tag unchanged."""
    return Cell(("200",), _range(asks), None, kept=True, times=times, **more)


def stale(asks: int | range, event: str = UNAVAILABLE, **more: Any) -> Cell:
    """The client gets the cached image; the failure is reported."""
    return Cell(("200",), _range(asks), event, kept=not more.get("moved"), **more)


def updated(asks: int | range, times: int = ALWAYS, **more: Any) -> Cell:
    """The client gets the complete new image, and the tag points at it."""
    return Cell(("200",), _range(asks), "SUCCESS", kept=True, times=times, **more)


def stays(asks: int | range, event: str = UNAVAILABLE, **more: Any) -> Cell:
    """The client gets the old image, and the tag still points at it; the failure is reported."""
    return Cell(("200",), _range(asks), event, kept=False, **more)


def fails(asks: int | range, event: str = UNAVAILABLE, says: str = "503 UNKNOWN", **more: Any) -> Cell:
    """The client gets an error with the reason instead of a body; nothing is stored."""
    return Cell((says,), _range(asks), event, kept=False, **more)


def unsupported(asks: int | range, **more: Any) -> Cell:
    """The image can never be pulled through, so clients need not try again."""
    return fails(asks, UNAVAILABLE, "404 MANIFEST_UNKNOWN", **more)


def denied(asks: int | range, **more: Any) -> Cell:
    """ECR passes on the refusal of the upstream."""
    return fails(asks, DENIED, "403 DENIED", **more)


def busy(asks: int | range, **more: Any) -> Cell:
    """ECR passes on the rate limit of the upstream."""
    return fails(asks, TOO_MANY, "429 TOOMANYREQUESTS", **more)


def missing(asks: int | range, code: str = "MANIFEST_UNKNOWN", **more: Any) -> Cell:
    """The client is told "not found"."""
    return fails(asks, NOT_FOUND, f"404 {code}", **more)


def partial(asks: int | range, event: str = UNAVAILABLE, says: str = "503 UNKNOWN", **more: Any) -> Cell:
    """The import ends without the child and reports it; a request for the child makes the emulator try again."""
    return Cell((says,), _range(asks), event, kept=False, **more)


def cut(asks: int | range, event: str = UNAVAILABLE, **more: Any) -> Cell:
    """The body breaks off before its last 64 KiB, or is missing."""
    return Cell(("200 cut", "503 UNKNOWN"), _range(asks), event, kept=False, **more)


def local(asks: int | range, event: str | None = UNAVAILABLE, **more: Any) -> Cell:
    """The list has the stored referrers: none."""
    return Cell(("200",), _range(asks), event, kept=False, **more)


def listed(asks: int | range, times: int = ALWAYS, **more: Any) -> Cell:
    """The list has the referrers of the upstream."""
    return Cell(("200",), _range(asks), None, kept=True, times=times, **more)
