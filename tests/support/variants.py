"""Variants of a request, generated from the model: everything that a client may get wrong, and what ECR says of it.

A variant is a valid request with one thing changed at one place: a member is missing or null, of another JSON type, at
a bound or one past it, outside of its enum or pattern, or a text that no text ever is. Samples give values a meaning:
by shape (``RepositoryName``), by member of a shape (``PutImageRequest.imageDigest``).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from tests.support.places import WHOLE_NUMBERS, Place, Refusal, first_broken

HUGE = 100_000
JSON_TYPES: Mapping[str, tuple[Any, set[str]]] = {
    "a string": ("5", {"string"}),
    "a number": (5, WHOLE_NUMBERS),
    "a fraction": (1.5, set()),
    "a boolean": (True, {"boolean"}),
    "a list": ([], {"list"}),
    "an object": ({}, {"structure"}),
}
"""A value of each JSON type, and the types of shapes that it is right for."""
BROKEN_BASE64 = {
    "no base64": "&",
    "base64 cut short": "aGVsbG8",
    "base64 with an umlaut": "\N{LATIN SMALL LETTER A WITH DIAERESIS}",
}
TEXTS = {
    "empty": "",
    "a space": " ",
    "umlauts": "gr\u00f6\u00dfe",
    "an emoji": "\N{SPOUTING WHALE}",
    "Arabic digits": "\N{ARABIC-INDIC DIGIT ONE}" * 12,
    "right to left": "\N{RIGHT-TO-LEFT OVERRIDE}abc",
    "NUL": "\0",
    "control characters": "\x01\x1b[2J\x7f\x85",
    "a line feed": "\n",
    "a line separator": "\N{LINE SEPARATOR}",
    "quotes": "'\"`\\",
    "markup": "<b>&{0}%s${x}",
    "parents": "../../etc/passwd",
    "huge": "a" * HUGE,
    "a high surrogate": "\ud83d",
    "a low surrogate": "\udc33",
    "surrogates the wrong way round": "\udc33\ud83d",
}
STRANGE_DOCUMENTS = {
    "JSON null": "null",
    "a JSON list": "[{}]",
    "an empty JSON object": "{}",
    "JSON that is too deep": '{"a":[' * 1_000,
    "JSON deep in a list": "[" * 2_000 + "]" * 2_000,
    "JSON with a number that is too long": '{"Version": ' + "9" * 5_000 + "}",
    "JSON with no number": '{"Version": NaN, "Statement": -Infinity, "rules": [1e999]}',
    "JSON with half a character": r'{"Version": "\ud83d", "Statement": ["\udc33"], "rules": "\udc33"}',
    "JSON with NUL": r'{"Version": "\u0000", "Statement": {"\u0000": {}}, "rules": [{}]}',
}
NUMBERS = (-(2**63) - 1, -(2**63), -(2**31), -1, 0, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 10**400)
STRANGE_MEMBERS = ("unexpected", "", "\N{SPOUTING WHALE}", "\0", "\ud83d", "__class__", "REPOSITORYNAME")


@dataclass(frozen=True)
class Variant:
    """A value and the refusal that it must get; without one, the model has nothing against it.

    What is no text, because it has half a character in it, may be refused as such unless the model refuses it already.
    """

    name: str
    value: Any
    refusal: Refusal | None = None
    is_text: bool = True


def judged(place: Place, name: str, value: Any, size: int | None = None) -> Variant:
    """A value of the right type, with the refusal of the first bound that it breaks."""
    broken = first_broken(place.bounds, value, size)
    refusal = place.refusal(broken) if broken else None
    return Variant(f"{place.path}: {name}", value, refusal, is_text=is_text(value))


def is_text(value: Any) -> bool:
    """Whether a value holds no halves of characters."""
    return not isinstance(value, str) or value.isascii() or not any("\ud800" <= each <= "\udfff" for each in value)


class Variants:
    """Makes variants of the requests of operations. ``beside`` names what a member needs beside it to be valid."""

    def __init__(self, samples: Mapping[str, Any], beside: Mapping[str, Mapping[str, Any]]) -> None:
        self._samples = samples
        self._beside = beside

    def valid(self, shape: Any) -> Any:
        """The smallest valid request of an operation, by its input shape."""
        return self._valid(Place(shape))

    def of(self, shape: Any) -> Iterator[Variant]:
        """Every variant of the requests of an operation, by its input shape."""
        yield from self._at(Place(shape))

    def _valid(self, place: Place) -> Any:
        shape = place.shape
        for key in (place.owner, shape.name):
            if key in self._samples:
                return self._samples[key]
        match shape.type_name:
            case "structure":
                required = {name: self._valid(place.member(name)) for name in shape.required_members}
                return {**required, **self._beside.get(shape.name, {})}
            case "list":
                return [self._valid(place.item)]
            case "boolean":
                return True
            case "string":
                return place.bounds["enum"][0] if "enum" in place.bounds else _some_text(place)
            case _:
                return place.bounds.get("min", 1)

    def _at(self, place: Place) -> Iterator[Variant]:
        for name, (value, right_for) in JSON_TYPES.items():
            if place.shape.type_name not in right_for | {"blob" if name == "a string" else ""}:
                yield Variant(f"{place.path or 'body'}: {name}", value, place.mistyped())
        match place.shape.type_name:
            case "structure":
                yield from self._structures(place)
            case "list":
                yield from self._lists(place)
            case "string":
                yield from self._texts(place)
            case "blob":
                yield from _blobs(place)
            case "boolean":
                yield from (judged(place, str(value), value) for value in (True, False))
            case _:
                yield from (judged(place, str(value), value) for value in _numbers(place.bounds))

    def _structures(self, place: Place) -> Iterator[Variant]:
        whole = self._valid(place)
        yield Variant(f"{place.path or 'body'}: as it should be", whole)
        yield Variant(
            f"{place.path or 'body'}: every member",
            {name: self._valid(place.member(name)) for name in place.shape.members},
        )
        for name in STRANGE_MEMBERS:
            yield Variant(f"{place.path or 'body'}: extra member {name!r}", whole | {name: [{"a": None}]})
        for name in place.shape.members:
            member = place.member(name)
            given = whole | self._beside.get(member.owner, {})
            refusal = member.missing() if name in place.shape.required_members else None
            yield Variant(f"{member.path}: missing", {key: given[key] for key in given if key != name}, refusal)
            yield Variant(f"{member.path}: null", given | {name: None}, refusal)
            for variant in self._at(member):
                yield replace(variant, value=given | {name: variant.value})

    def _lists(self, place: Place) -> Iterator[Variant]:
        item = self._valid(place.item)
        for length in sorted({0, 1, *_around(place.bounds)}):
            yield judged(place, f"{length} items", [item] * length)
        yield Variant(f"{place.path}: null in it", [None], place.mistyped())
        yield from _inside(self._at(place.item), lambda value: [value])
        if place.shape.member.type_name == "string":
            yield from _inside(self._at(place.item), lambda value: [item, value], after=", after a valid one")

    def _texts(self, place: Place) -> Iterator[Variant]:
        bounds, valid = place.bounds, self._valid(place)
        for length in _around(bounds):
            yield judged(place, f"{length} characters", _of_length(valid, length))
        for choice in bounds.get("enum", ()):
            yield judged(place, choice, choice)
            yield judged(place, choice.swapcase(), choice.swapcase())
        for name, text in TEXTS.items():
            yield judged(place, name, text)
            if text:
                yield judged(place, f"{name} after what is valid", valid + text)
        almost = "a" * (bounds.get("max", HUGE) - 1) + "!"
        yield judged(place, "almost valid for long", almost)
        for name, text in (STRANGE_DOCUMENTS if valid.endswith("}") else {}).items():
            yield judged(place, name, text.ljust(bounds.get("min", 0)))


def _inside(variants: Iterator[Variant], wrap: Callable[[Any], Any], after: str = "") -> Iterator[Variant]:
    for variant in variants:
        yield replace(variant, name=variant.name + after, value=wrap(variant.value))


def _blobs(place: Place) -> Iterator[Variant]:
    for name, text in BROKEN_BASE64.items():
        yield Variant(f"{place.path}: {name}", text, place.mistyped())
    for size in _around(place.bounds):
        yield judged(place, f"{size} bytes", base64.b64encode(bytes(size)).decode(), size)


def _numbers(bounds: Mapping[str, Any]) -> list[int]:
    return sorted({*NUMBERS, *_around(bounds), bounds.get("min", 0) - 1})


def _around(bounds: Mapping[str, Any]) -> list[int]:
    """The sizes at the bounds and one past them."""
    past = [bounds[name] + step for name, step in (("min", -1), ("min", 0), ("max", 0), ("max", 1)) if name in bounds]
    return [size for size in past if size >= 0]


def _of_length(valid: str, length: int) -> str:
    """A text of this length that is as valid as can be: JSON is padded with spaces, everything else with letters."""
    return valid[:length].ljust(length, " " if valid.endswith("}") else "a")


def _some_text(place: Place) -> str:
    bounds = place.bounds
    shortest = bounds.get("min", 0)
    if "pattern" not in bounds:
        return "a".ljust(shortest, "a")
    return _example(bounds["pattern"], shortest, bounds.get("max", HUGE))


@cache
def _example(pattern: str, shortest: int, longest: int) -> str:
    """The simplest text that matches."""
    from hypothesis import Phase, find, settings
    from hypothesis.strategies import from_regex

    texts = from_regex(re.compile(pattern, re.ASCII), fullmatch=True)
    once = settings(database=None, derandomize=True, phases=[Phase.generate, Phase.shrink])
    return find(texts, lambda text: shortest <= len(text) <= longest, settings=once)
