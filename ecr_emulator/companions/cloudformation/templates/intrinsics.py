"""References to other parts of a template in a value: ``Ref``, ``Fn::GetAtt``, ``Fn::Sub`` and ``Fn::If``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ecr_emulator.companions.cloudformation.failures import invalid

VARIABLE = re.compile(r"\$\{(!?)([^{}]*)\}")
"""A variable of ``Fn::Sub``, with an exclamation mark if it is a literal."""


class Reference(NamedTuple):
    """A reference to a resource, parameter or pseudo parameter; with ``attribute`` to an attribute of a resource."""

    name: str
    attribute: str | None = None


def function_of(value: Any) -> tuple[str, Any] | None:
    """Return name and argument of an intrinsic function; None if the value is something else."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((name, argument),) = value.items()
    return (name, argument) if name == "Ref" or str(name).startswith("Fn::") else None


def attribute_of(argument: Any) -> Reference:
    """Return the reference in the argument of ``Fn::GetAtt``, whose attribute may itself be a function."""
    if isinstance(argument, str):
        argument = argument.split(".", 1)
    if not isinstance(argument, list) or len(argument) != 2 or not isinstance(argument[0], str):
        raise invalid(
            "Template error: every Fn::GetAtt object requires two non-empty parameters, "
            "the resource name and the resource attribute"
        )
    return Reference(argument[0], argument[1])


def branch_of(argument: Any, decide: Callable[[str], bool]) -> Any:
    """Return the value that ``Fn::If`` selects."""
    if not isinstance(argument, list) or len(argument) != 3:
        raise invalid("Template error: Fn::If requires a list argument with the first element being a condition")
    return argument[1 if decide(argument[0]) else 2]


def substitution_of(argument: Any) -> tuple[str, dict[str, Any]]:
    """Return the text and the variables of ``Fn::Sub``."""
    text, variables = (argument, {}) if not isinstance(argument, list) else [*argument, {}, {}][:2]
    if not isinstance(text, str) or not isinstance(variables, dict):
        raise invalid(
            "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. "
            "Specify a string as first argument, and an optional second argument to specify a mapping of values "
            "to replace in the string"
        )
    return text, variables


def references(value: Any, decide: Callable[[str], bool]) -> Iterator[Reference]:
    """Yield the references in a value, except those in branches of ``Fn::If`` that are not selected."""
    function = function_of(value)
    match function:
        case ("Ref", name):
            yield Reference(str(name))
        case ("Fn::GetAtt", argument):
            found = attribute_of(argument)
            yield found
            yield from references(found.attribute, decide)
        case ("Fn::If", argument):
            yield from references(branch_of(argument, decide), decide)
        case ("Fn::Sub", argument):
            text, variables = substitution_of(argument)
            yield from references(variables, decide)
            for literal, name in VARIABLE.findall(text):
                if not literal and name.strip() not in variables:
                    yield Reference(*name.strip().split(".", 1))
        case _:
            parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
            for part in parts:
                yield from references(part, decide)
