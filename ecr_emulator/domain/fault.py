"""Faults that a user injects: the requests that they hit, when they do, and what goes wrong then."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any

from ecr_emulator.domain.durations import parse_duration
from ecr_emulator.domain.names import is_account_id, is_oci_name, is_region
from ecr_emulator.quick_dataclasses import dataclass

EVERY_REQUEST = "*"
"""The target of faults that hit requests of any kind."""
BREAKS_AFTER = "ecr_emulator.breaks_after"
"""Key of a WSGI environment: the number of bytes after which the answer breaks off."""
LONGEST_PAUSE = 3600.0
"""Maximum length of a pause in seconds."""


class ConnectionDropped(Exception):
    """A fault ends the connection to a client before the answer, or in the middle of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Schedule:
    """The requests that a fault hits, among those that match it.

    It lets ``skip`` requests pass, hits each later one with a ``probability``, and ends after ``count`` hits. It begins
    ``starts_in`` after it was injected and ``lasts`` for a time, by the emulator's clock. Equal seeds give equal hits.
    """

    count: int | None = None
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    starts_in: timedelta = timedelta()
    lasts: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault. ``given`` is the document that describes it.

    ``target`` is a kind of request, like ``PutImage`` or ``GET blobs``, and ``filters`` are properties that the request
    must have besides. ``seconds``, ``status``, ``retry_after`` and ``after_bytes`` belong to some kinds of fault only.
    """

    given: Mapping[str, Any]
    kind: str
    target: str
    filters: Mapping[str, str]
    schedule: Schedule
    seconds: float = 0.0
    status: int = 0
    retry_after: int | None = None
    after_bytes: int = 0


@dataclass(frozen=True, slots=True)
class FaultSyntax:
    """The faults that can be described in one place: ``kinds`` with their own keys, ``filters``, and ``targets``."""

    kinds: Mapping[str, Collection[str]]
    filters: Collection[str]
    targets: Callable[[], Collection[str]]

    def read(self, given: Mapping[str, Any]) -> Fault:
        """Return the fault that a document describes. Raises ``ValueError`` that names the key and what is right."""
        kind = _choice("fault", given.get("fault"), self.kinds)
        own = self.kinds[kind]
        for key in given:
            if key not in {"fault", "target", *own, *self.filters, *_SCHEDULE}:
                raise ValueError(_unknown_key(key, kind, ["target", *own, *self.filters, *_SCHEDULE]))
        return Fault(
            given=dict(given),
            kind=kind,
            target=_choice("target", given.get("target", EVERY_REQUEST), {EVERY_REQUEST, *self.targets()}),
            filters={key: _FILTERS[key](key, given[key]) for key in self.filters if key in given},
            schedule=Schedule(**{key: read(key, given[key]) for key, read in _SCHEDULE.items() if key in given}),
            **{key: _PARAMETERS[key](key, given.get(key)) for key in own if key in given or key in _REQUIRED},
        )


def _most_alike(name: str, known: Collection[str]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(name, known, n=1)


def _choice(key: str, value: Any, known: Collection[str]) -> str:
    if isinstance(value, str) and value in known:
        return value
    near = _most_alike(value, known) if isinstance(value, str) else []
    hint = f"did you mean {near[0]}?" if near else f"it must be one of {', '.join(sorted(known))}"
    raise ValueError(f"{key} is {_shown(value)}; {hint}")


def _unknown_key(key: str, kind: str, known: Collection[str]) -> str:
    near = _most_alike(key, known)
    hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(known)}"
    return f"a fault {kind} has no key {_shown(key)}; {hint}"


def _text(key: str, value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"{key} must be text, not {_shown(value)}")


def _account(key: str, value: Any) -> str:
    if isinstance(value, str) and ("*" in value or is_account_id(value)):
        return value
    raise ValueError(f"{key} must be 12 digits, as text, not {_shown(value)}")


def _region(key: str, value: Any) -> str:
    if isinstance(value, str) and ("*" in value or is_region(value)):
        return value
    raise ValueError(f"{key} must be a Region, like eu-west-1, not {_shown(value)}")


def _repository(key: str, value: Any) -> str:
    text = _text(key, value)
    if is_oci_name(text) or ("*" in text and _PART_OF_NAMES.fullmatch(text)):
        return text
    raise ValueError(f"{key} must be the name of a repository, or several with *, like team/*, not {_shown(value)}")


def _integer(least: int, most: int) -> Callable[[str, Any], int]:
    def read(key: str, value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        raise ValueError(f"{key} must be a whole number from {least} to {most}, not {_shown(value)}")

    return read


def _number(most: float) -> Callable[[str, Any], float]:
    def read(key: str, value: Any) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= most:
            return float(value)
        raise ValueError(f"{key} must be a number above 0, at most {most:g}, not {_shown(value)}")

    return read


def _duration(key: str, value: Any) -> timedelta:
    try:
        return parse_duration(_text(key, value))
    except ValueError as wrong:
        raise ValueError(f"{key}: {wrong}") from None


def _length(key: str, value: Any) -> timedelta:
    length = _duration(key, value)
    if length:
        return length
    raise ValueError(f"{key} must be longer than no time, not {_shown(value)}")


def _status(key: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599:
        return value
    raise ValueError(f"{key} must be an HTTP status from 400 to 599, not {_shown(value)}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"


_MANY = 2**53
_PART_OF_NAMES = re.compile(r"[a-z0-9._/*-]+")
"""The characters of repository names, and the wildcard."""
_SCHEDULE: Mapping[str, Callable[[str, Any], Any]] = {
    "count": _integer(1, _MANY),
    "skip": _integer(0, _MANY),
    "probability": _number(1.0),
    "seed": _integer(0, _MANY),
    "starts_in": _duration,
    "lasts": _length,
}
_FILTERS: Mapping[str, Callable[[str, Any], str]] = {"account": _account, "region": _region, "repository": _repository}
_PARAMETERS: Mapping[str, Callable[[str, Any], Any]] = {
    "seconds": _number(LONGEST_PAUSE),
    "status": _status,
    "retry_after": _integer(0, 7 * 24 * 60 * 60),
    "after_bytes": _integer(0, _MANY),
}
_REQUIRED = {"seconds", "status"}
