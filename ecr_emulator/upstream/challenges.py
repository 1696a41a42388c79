"""Challenges in WWW-Authenticate headers. https://www.rfc-editor.org/rfc/rfc9110#section-11"""

from __future__ import annotations

import re
from dataclasses import field

from ecr_emulator.quick_dataclasses import dataclass

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PART = re.compile(
    rf"""[\s,]*(?:
        (?P<key>{_WORD})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]+))
        |(?P<scheme>{_WORD})(?=[\s,]|$)
        |[^\s,]+
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge. Its scheme and the names of its parameters are in lower case."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_challenges(header: str) -> list[Challenge]:
    """Return the challenges of a header, whose lines are joined by commas. Malformed parts are skipped."""
    challenges: list[Challenge] = []
    for part in _PART.finditer(header):
        if part["scheme"]:
            challenges.append(Challenge(part["scheme"].lower()))
        elif part["key"] and challenges:
            quoted = part["quoted"]
            value = part["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            challenges[-1].parameters.setdefault(part["key"].lower(), value)
    return challenges


def preferred(challenges: list[Challenge]) -> Challenge | None:
    """Return the challenge to answer: Bearer with a realm before Basic; None if there is neither."""
    bearer = (each for each in challenges if each.scheme == "bearer" and "realm" in each.parameters)
    basic = (each for each in challenges if each.scheme == "basic")
    return next(bearer, None) or next(basic, None)
