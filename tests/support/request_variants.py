"""Generate variants of a request from the model: every mistake of a client, with the expected error.

A variant is a valid request with one thing changed in one place: a member is missing or null, of another JSON type, at
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

from tests.support.parameter_errors import WHOLE_NUMBERS, Parameter, ParameterError, first_broken

HUGE = 100_000
JSON_TYPES: Mapping[str, tuple[Any, set[str]]] = {
    "a string": ("5", {"string"}),
    "a number": (5, WHOLE_NUMBERS),
    "a fraction": (1.5, set()),
    "a boolean": (True, {"boolean"}),
    "a list": ([], {"list"}),
    "an object": ({}, {"structure"}),
}
"""A value of each JSON type, and the types of shapes that accept it."""
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
    """A value and the expected error; ``None`` if the model allows the value.

    A value with half a surrogate pair is no text: it may be refused for that if the model allows it.
    """

    name: str
    value: Any
    error: ParameterError | None = None
    is_text: bool = True


def checked_variant(parameter: Parameter, name: str, value: Any, size: int | None = None) -> Variant:
    """Return a variant of the right type, with the error of the first bound that it breaks."""
    broken = first_broken(parameter.bounds, value, size)
    error = parameter.error(broken) if broken else None
    return Variant(f"{parameter.path}: {name}", value, error, is_text=is_text(value))


def is_text(value: Any) -> bool:
    """Return whether a value is free of surrogates."""
    return not isinstance(value, str) or value.isascii() or not any("\ud800" <= each <= "\udfff" for each in value)


class Variants:
    """Generates variants of requests. ``beside`` holds the members that another member needs to be valid."""

    def __init__(self, samples: Mapping[str, Any], beside: Mapping[str, Mapping[str, Any]]) -> None:
        self._samples = samples
        self._beside = beside

    def valid(self, shape: Any) -> Any:
        """Return the smallest valid request of an operation, by its input shape."""
        return self._valid(Parameter(shape))

    def of(self, shape: Any) -> Iterator[Variant]:
        """Yield every variant of the requests of an operation, by its input shape."""
        yield from self._at(Parameter(shape))

    def _valid(self, parameter: Parameter) -> Any:
        shape = parameter.shape
        for key in (parameter.owner, shape.name):
            if key in self._samples:
                return self._samples[key]
        match shape.type_name:
            case "structure":
                required = {name: self._valid(parameter.member(name)) for name in shape.required_members}
                return {**required, **self._beside.get(shape.name, {})}
            case "list":
                return [self._valid(parameter.item)]
            case "boolean":
                return True
            case "string":
                return parameter.bounds["enum"][0] if "enum" in parameter.bounds else _some_text(parameter)
            case _:
                return parameter.bounds.get("min", 1)

    def _at(self, parameter: Parameter) -> Iterator[Variant]:
        for name, (value, right_for) in JSON_TYPES.items():
            if parameter.shape.type_name not in right_for | {"blob" if name == "a string" else ""}:
                yield Variant(f"{parameter.path or 'body'}: {name}", value, parameter.wrong_type())
        match parameter.shape.type_name:
            case "structure":
                yield from self._structures(parameter)
            case "list":
                yield from self._lists(parameter)
            case "string":
                yield from self._texts(parameter)
            case "blob":
                yield from _blobs(parameter)
            case "boolean":
                yield from (checked_variant(parameter, str(value), value) for value in (True, False))
            case _:
                yield from (checked_variant(parameter, str(value), value) for value in _numbers(parameter.bounds))

    def _structures(self, parameter: Parameter) -> Iterator[Variant]:
        whole = self._valid(parameter)
        yield Variant(f"{parameter.path or 'body'}: as it should be", whole)
        yield Variant(
            f"{parameter.path or 'body'}: every member",
            {name: self._valid(parameter.member(name)) for name in parameter.shape.members},
        )
        for name in STRANGE_MEMBERS:
            yield Variant(f"{parameter.path or 'body'}: extra member {name!r}", whole | {name: [{"a": None}]})
        for name in parameter.shape.members:
            member = parameter.member(name)
            given = whole | self._beside.get(member.owner, {})
            error = member.missing() if name in parameter.shape.required_members else None
            yield Variant(f"{member.path}: missing", {key: given[key] for key in given if key != name}, error)
            yield Variant(f"{member.path}: null", given | {name: None}, error)
            for variant in self._at(member):
                yield replace(variant, value=given | {name: variant.value})

    def _lists(self, parameter: Parameter) -> Iterator[Variant]:
        item = self._valid(parameter.item)
        for length in sorted({0, 1, *_around(parameter.bounds)}):
            yield checked_variant(parameter, f"{length} items", [item] * length)
        yield Variant(f"{parameter.path}: null in it", [None], parameter.wrong_type())
        yield from _inside(self._at(parameter.item), lambda value: [value])
        if parameter.shape.member.type_name == "string":
            yield from _inside(self._at(parameter.item), lambda value: [item, value], after=", after a valid one")

    def _texts(self, parameter: Parameter) -> Iterator[Variant]:
        bounds, valid = parameter.bounds, self._valid(parameter)
        for length in _around(bounds):
            yield checked_variant(parameter, f"{length} characters", _of_length(valid, length))
        for choice in bounds.get("enum", ()):
            yield checked_variant(parameter, choice, choice)
            yield checked_variant(parameter, choice.swapcase(), choice.swapcase())
        for name, text in TEXTS.items():
            yield checked_variant(parameter, name, text)
            if text:
                yield checked_variant(parameter, f"{name} after what is valid", valid + text)
        almost = "a" * (bounds.get("max", HUGE) - 1) + "!"
        yield checked_variant(parameter, "almost valid for long", almost)
        for name, text in (STRANGE_DOCUMENTS if valid.endswith("}") else {}).items():
            yield checked_variant(parameter, name, text.ljust(bounds.get("min", 0)))


def _inside(variants: Iterator[Variant], wrap: Callable[[Any], Any], after: str = "") -> Iterator[Variant]:
    for variant in variants:
        yield replace(variant, name=variant.name + after, value=wrap(variant.value))


def _blobs(parameter: Parameter) -> Iterator[Variant]:
    for name, text in BROKEN_BASE64.items():
        yield Variant(f"{parameter.path}: {name}", text, parameter.wrong_type())
    for size in _around(parameter.bounds):
        yield checked_variant(parameter, f"{size} bytes", base64.b64encode(bytes(size)).decode(), size)


def _numbers(bounds: Mapping[str, Any]) -> list[int]:
    return sorted({*NUMBERS, *_around(bounds), bounds.get("min", 0) - 1})


def _around(bounds: Mapping[str, Any]) -> list[int]:
    """Return the sizes at the bounds and one past them."""
    past = [bounds[name] + step for name, step in (("min", -1), ("min", 0), ("max", 0), ("max", 1)) if name in bounds]
    return [size for size in past if size >= 0]


def _of_length(valid: str, length: int) -> str:
    """Return a text of this length that is valid if possible: JSON is padded with spaces, other text with letters."""
    return valid[:length].ljust(length, " " if valid.endswith("}") else "a")


def _some_text(parameter: Parameter) -> str:
    bounds = parameter.bounds
    shortest = bounds.get("min", 0)
    if "pattern" not in bounds:
        return "a".ljust(shortest, "a")
    return _example(bounds["pattern"], shortest, bounds.get("max", HUGE))


@cache
def _example(pattern: str, shortest: int, longest: int) -> str:
    """Return the simplest text that matches."""
    from hypothesis import Phase, find, settings
    from hypothesis.strategies import from_regex

    texts = from_regex(re.compile(pattern, re.ASCII), fullmatch=True)
    once = settings(database=None, derandomize=True, phases=[Phase.generate, Phase.shrink])
    return find(texts, lambda text: shortest <= len(text) <= longest, settings=once)
