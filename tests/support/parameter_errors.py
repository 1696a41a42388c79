"""The parameters of a request, and the error that ECR answers for each broken constraint, read from the model.

It does not use the checks of the endpoint: it reads the model a second time, to test the first reading.
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
"""Shapes whose validators have sentences of their own, and the path by which these name an item of a list."""


@dataclass(frozen=True)
class ParameterError:
    """An expected error: its code, and the beginning of its message."""

    code: str
    message: str


@dataclass(frozen=True)
class Parameter:
    """A shape at its path in a request. ``owner`` is ``Structure.member``, empty for an item of a list."""

    shape: Any
    path: str = ""
    owner: str = ""
    is_item: bool = False

    @property
    def bounds(self) -> dict[str, Any]:
        """The constraints of the model and those that ECR has beyond it."""
        return {
            **self.shape.metadata,
            **BEYOND_THE_MODEL.get(self.shape.name, {}),
            **BEYOND_THE_MODEL.get(self.owner, {}),
        }

    def member(self, name: str) -> Parameter:
        return Parameter(self.shape.members[name], join(self.path, name), f"{self.shape.name}.{name}")

    @property
    def item(self) -> Parameter:
        return Parameter(self.shape.member, self.path, is_item=True)

    def wrong_type(self) -> ParameterError:
        member = f"'{self.path}'" if self.path else "the body"
        return ParameterError(
            "SerializationException", f"The request body is not what the operation expects: {member} must be "
        )

    def missing(self) -> ParameterError:
        return self._invalid("Member must not be null")

    def error(self, constraint: str) -> ParameterError:
        """Return the error for a value that breaks one of the bounds."""
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

    def _invalid(self, rule: str) -> ParameterError:
        return _invalid(self.path, rule)


def _invalid(path: str, rule: str) -> ParameterError:
    message = f"Invalid parameter at '{path}' failed to satisfy constraint: '{rule}'"
    return ParameterError("InvalidParameterException", message)


def first_broken(bounds: Mapping[str, Any], value: Any, size: int | None = None) -> str | None:
    """Return the name of the first bound that a value breaks. ``size`` replaces the value's length."""
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
    """Return whether a pattern of the model matches a text from beginning to end."""
    return re.fullmatch(LINEAR.get(pattern, pattern), text, re.ASCII) is not None
