"""Whether a version is in the ranges of an advisory.

https://ossf.github.io/osv-schema/#evaluation
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cmp_to_key
from typing import Any, NamedTuple

from ecr_emulator.scanner.advisories.versions import SEMVER, parse_version

_INTRODUCED, _FIXED, _LAST_AFFECTED = "introduced", "fixed", "last_affected"
_BEGINNING = "0"
"""The version that is before every other."""


class Verdict(NamedTuple):
    """Whether a version is affected, and the lowest later version that is fixed; empty if there is none."""

    is_affected: bool
    fixed_in: str = ""


class _Event(NamedTuple):
    """An event of a range. ``version`` is None for the beginning of all versions."""

    kind: str
    text: str
    version: Any


def judge(affected: Mapping[str, Any], rules: str, text: str) -> Verdict:
    """Return whether a version is affected. ``affected`` has the ``ranges`` and ``versions`` of an advisory.

    A range is left out if one of its versions cannot be compared.
    """
    is_affected = text in affected.get("versions", ())
    fixes: list[_Event] = []
    for each in affected.get("ranges", ()):
        compared_by = SEMVER if each["type"] == SEMVER else rules
        version = parse_version(compared_by, text)
        events = _events(each["events"], compared_by)
        if version is None or events is None:
            continue
        later = [event for event in events if event.kind == _FIXED and version < event.version]
        if is_affected or _is_within(events, version):
            is_affected = True
            fixes += later[:1]
    return Verdict(is_affected, _lowest(fixes) if is_affected else "")


def _events(events: Iterable[Mapping[str, str]], rules: str) -> list[_Event] | None:
    """Return the events of a range in the order of their versions; None if one cannot be compared."""
    found = []
    for event in events:
        for kind, text in event.items():
            if (kind, text) == (_INTRODUCED, _BEGINNING):
                found.append(_Event(kind, text, None))
            elif kind in (_INTRODUCED, _FIXED, _LAST_AFFECTED):
                version = parse_version(rules, text)
                if version is None:
                    return None
                found.append(_Event(kind, text, version))
    return sorted(found, key=cmp_to_key(_order))


def _order(one: _Event, other: _Event) -> int:
    if one.version is None or other.version is None:
        return (one.version is not None) - (other.version is not None)
    return int(other.version < one.version) - int(one.version < other.version)


def _is_within(events: Iterable[_Event], version: Any) -> bool:
    is_within = False
    for event in events:
        if event.kind == _INTRODUCED:
            is_within = is_within or event.version is None or not version < event.version
        elif event.kind == _FIXED:
            is_within = is_within and version < event.version
        else:
            is_within = is_within and not event.version < version
    return is_within


def _lowest(fixes: list[_Event]) -> str:
    try:
        return min(fixes, key=cmp_to_key(_order)).text if fixes else ""
    except TypeError:  # ranges of different types
        return fixes[0].text
