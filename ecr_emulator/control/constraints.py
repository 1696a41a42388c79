"""The model's constraints on requests, compiled once to closures, with AWS's sentences for violations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from operator import ge, le
from typing import TYPE_CHECKING, Any

from ecr_emulator.control.codec import join
from ecr_emulator.domain.names import TAG_CONSTRAINT
from ecr_emulator.domain.resource_tags import MAX_TAGS
from ecr_emulator.errors import InvalidParameterException

if TYPE_CHECKING:
    from botocore.model import Shape

Check = Callable[[Any], None]
Test = Callable[[Any], bool]

BEYOND_THE_MODEL: Mapping[str, Mapping[str, Any]] = {
    # ECR lists these values in another order than the model.
    "ImageTagMutability": {"enum": ["IMMUTABLE", "MUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"]},
    # In batch calls a malformed tag fails only its image; in PutImage it fails the call.
    "PutImageRequest.imageTag": {"pattern": TAG_CONSTRAINT},
    "CreateRepositoryCreationTemplateRequest.appliedFor": {"min": 1},
    "UpdateRepositoryCreationTemplateRequest.appliedFor": {"min": 1},
    "CreateRepositoryCreationTemplateRequest.resourceTags": {"max": MAX_TAGS},
    "UpdateRepositoryCreationTemplateRequest.resourceTags": {"max": MAX_TAGS},
}
"""Constraints that ECR enforces although the model lacks them, by shape or by member of a shape."""

LINEAR: Mapping[str, str] = {
    # The model's pattern takes exponential time to reject a text: it tries every way to split each run of letters.
    r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$": r"[a-z0-9*]+(?:[._\-/][a-z0-9*]+)*",
}
"""Patterns of the model, each with a pattern that accepts the same texts and is matched in linear time."""

_OLDER_SENTENCES = {"RepositoryName": "repositoryName", "ImageTag": "imageTag"}
"""Shapes for which ECR uses an older form of its sentences, with plain slashes in patterns.

Each has the path that ECR reports for an item of a list.
"""


def checker(shape: Shape, path: str = "") -> Check | None:
    """Return a function that checks decoded values of a shape; None if every value is valid.

    The function checks members in the order of the model, and raises ``InvalidParameterException`` for the first
    violation.
    """
    return _checker(shape, path, _bounds(shape))


def _checker(shape: Shape, path: str, bounds: Mapping[str, Any], *, is_item: bool = False) -> Check | None:
    if is_item:
        path = _OLDER_SENTENCES.get(shape.name, path)
    rules = [(test, _sentence(shape, text, is_item)) for test, text in _rules(shape, bounds)]
    inner: Check | None = None
    if shape.type_name == "structure":
        inner = _members_check(shape, path)
    elif shape.type_name == "list":
        inner = _items_check(_checker(shape.member, path, _bounds(shape.member), is_item=True))
    return _both(_rules_check(rules, path), inner)


def _bounds(shape: Shape, owner: str = "") -> Mapping[str, Any]:
    return {**shape.metadata, **BEYOND_THE_MODEL.get(shape.name, {}), **BEYOND_THE_MODEL.get(owner, {})}


def _rules(shape: Shape, bounds: Mapping[str, Any]) -> Iterator[tuple[Test, str]]:
    """Yield the constraints of a value itself, each with the sentence for its violation."""
    is_number = shape.type_name in ("integer", "long")
    size = "value" if is_number else "length"
    if "min" in bounds:
        yield (
            _bound_test(is_number, ge, bounds["min"]),
            f"Member must have {size} greater than or equal to {bounds['min']}",
        )
    if "max" in bounds:
        yield (
            _bound_test(is_number, le, bounds["max"]),
            f"Member must have {size} less than or equal to {bounds['max']}",
        )
    if "pattern" in bounds:
        pattern = re.compile(LINEAR.get(bounds["pattern"], bounds["pattern"]), re.ASCII)
        yield lambda value: pattern.fullmatch(value) is not None, _pattern_text(bounds["pattern"])
    if "enum" in bounds:
        choices = bounds["enum"]
        yield choices.__contains__, f"Member must satisfy enum value set: [{', '.join(choices)}]"


def _bound_test(is_number: bool, compare: Callable[[int, int], bool], limit: int) -> Test:
    if is_number:
        return lambda value: compare(value, limit)
    return lambda value: compare(len(value), limit)


_PATTERN_TEXT = "Member must satisfy regular expression pattern: "


def _pattern_text(pattern: str) -> str:
    return f"{_PATTERN_TEXT}{pattern}"


def _sentence(shape: Shape, text: str, is_item: bool) -> str:
    if shape.name not in _OLDER_SENTENCES:
        return f"Member must satisfy constraint: [{text}]" if is_item else text
    if text.startswith(_PATTERN_TEXT):
        pattern = text.removeprefix(_PATTERN_TEXT).replace(r"\/", "/")
        return f"must satisfy regular expression '{pattern}'"
    return text.removeprefix("Member ")


def _rules_check(rules: list[tuple[Test, str]], path: str) -> Check | None:
    def check(value: Any) -> None:
        for test, text in rules:
            if not test(value):
                raise InvalidParameterException.at(path, text)

    return check if rules else None


def _members_check(shape: Shape, path: str) -> Check:
    required = set(shape.required_members)
    members = [
        (
            name,
            join(path, name),
            name in required,
            _checker(each, join(path, name), _bounds(each, f"{shape.name}.{name}")),
        )
        for name, each in shape.members.items()
    ]

    def check(value: dict[str, Any]) -> None:
        for name, member_path, is_required, check_member in members:
            member = value.get(name)
            if member is None:
                if is_required:
                    raise InvalidParameterException.at(member_path, "Member must not be null")
            elif check_member:
                check_member(member)

    return check


def _items_check(item: Check | None) -> Check | None:
    def check(values: list[Any]) -> None:
        for value in values:
            if item:
                item(value)

    return check if item else None


def _both(first: Check | None, second: Check | None) -> Check | None:
    if first is None or second is None:
        return first or second

    def check(value: Any) -> None:
        first(value)
        second(value)

    return check
