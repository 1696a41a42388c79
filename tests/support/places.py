"""The places of a request where something can be wrong, and what ECR says of it, read from the model.

The checks of the endpoint are not asked: this is a second reading of the model, to check the first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecr_emulator.control.codec import join
from ecr_emulator.control.constraints import BEYOND_THE_MODEL, LINEAR

WHOLE_NUMBERS = {"integer", "long"}
OLDEST = {"RepositoryName": "repositoryName", "ImageTag": "imageTag"}
"""The shapes with the two oldest validators, which word rules in their own way, and name an item of a list so."""


@dataclass(frozen=True)
class Refusal:
    """An error that must be answered: its code, and how its message begins."""

    code: str
    message: str


@dataclass(frozen=True)
class Place:
    """Where a shape stands in a request. ``owner`` is the member's name with its structure's."""

    shape: Any
    path: str = ""
    owner: str = ""
    is_item: bool = False

    @property
    def bounds(self) -> dict[str, Any]:
        """The model's and those that ECR has beyond it."""
        return {
            **self.shape.metadata,
            **BEYOND_THE_MODEL.get(self.shape.name, {}),
            **BEYOND_THE_MODEL.get(self.owner, {}),
        }

    def member(self, name: str) -> Place:
        return Place(self.shape.members[name], join(self.path, name), f"{self.shape.name}.{name}")

    @property
    def item(self) -> Place:
        return Place(self.shape.member, self.path, is_item=True)

    def mistyped(self) -> Refusal:
        member = f"'{self.path}'" if self.path else "the body"
        return Refusal(
            "SerializationException", f"The request body is not what the operation expects: {member} must be "
        )

    def missing(self) -> Refusal:
        return self._invalid("Member must not be null")

    def refusal(self, constraint: str) -> Refusal:
        """What ECR says when the value breaks this one of the bounds."""
        bound = self.bounds[constraint]
        size = "value" if self.shape.type_name in WHOLE_NUMBERS else "length"
        match constraint:
            case "min":
                rule = f"have {size} greater than or equal to {bound}"
            case "max":
                rule = f"have {size} less than or equal to {bound}"
            case "pattern":
                rule = f"satisfy regular expression pattern: {bound}"
            case _:
                rule = f"satisfy enum value set: [{', '.join(bound)}]"
        if self.shape.name in OLDEST:
            if constraint == "pattern":
                rule = f"satisfy regular expression '{bound}'".replace(r"\/", "/")
            return _invalid(OLDEST[self.shape.name] if self.is_item else self.path, f"must {rule}")
        if self.is_item:
            return self._invalid(f"Member must satisfy constraint: [Member must {rule}]")
        return self._invalid(f"Member must {rule}")

    def _invalid(self, rule: str) -> Refusal:
        return _invalid(self.path, rule)


def _invalid(path: str, rule: str) -> Refusal:
    message = f"Invalid parameter at '{path}' failed to satisfy constraint: '{rule}'"
    return Refusal("InvalidParameterException", message)


def first_broken(bounds: Mapping[str, Any], value: Any, size: int | None = None) -> str | None:
    """The first bound that a value breaks; ``size`` where that is not the value's length."""
    if size is None:
        size = value if isinstance(value, int) else len(value)
    if size < bounds.get("min", size):
        return "min"
    if size > bounds.get("max", size):
        return "max"
    if "pattern" in bounds and not matches(bounds["pattern"], value):
        return "pattern"
    return "enum" if value not in bounds.get("enum", [value]) else None


def matches(pattern: str, text: str) -> bool:
    """Whether a text as a whole matches one of the model's patterns."""
    return re.fullmatch(LINEAR.get(pattern, pattern), text, re.ASCII) is not None
