"""Evaluate the intrinsic functions of templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ecr_emulator.companions.cloudformation.failures import invalid
from ecr_emulator.companions.cloudformation.templates.intrinsics import (
    VARIABLE,
    attribute_of,
    branch_of,
    function_of,
    substitution_of,
)

NOTHING = object()
"""The value of ``AWS::NoValue``: the property or the item that has it is left out."""


class Values:
    """Evaluates values of a template.

    ``names`` are the values of parameters and pseudo parameters, ``mappings`` and ``conditions`` those parts of the
    template. ``refer`` returns the value of ``Ref`` to a resource, ``attribute`` that of ``Fn::GetAtt``, ``imported``
    that of an export.
    """

    def __init__(
        self,
        names: Mapping[str, Any],
        template: Mapping[str, Any],
        refer: Callable[[str], Any],
        attribute: Callable[[str, str], Any],
        imported: Callable[[str], Any],
    ) -> None:
        self._names = names
        self._mappings: Mapping[str, Any] = template.get("Mappings") or {}
        self._conditions: Mapping[str, Any] = template.get("Conditions") or {}
        self._refer = refer
        self._attribute = attribute
        self._imported = imported
        self._decided: dict[str, bool | None] = {}
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::If": lambda argument: self._resolved(branch_of(argument, self.decide)),
            "Fn::Sub": self._sub,
            "Fn::FindInMap": self._find_in_map,
            "Fn::ImportValue": lambda argument: self._imported(text(self.resolve(argument))),
            "Fn::Join": lambda argument: text(argument[0]).join(text(each) for each in self.resolve(argument[1])),
            "Fn::Split": lambda argument: text(self.resolve(argument[1])).split(text(argument[0])),
            "Fn::Select": self._select,
            "Fn::Base64": lambda argument: base64.b64encode(text(self.resolve(argument)).encode()).decode(),
            "Fn::GetAZs": lambda argument: [
                f"{self.resolve(argument) or names['AWS::Region']}{zone}" for zone in "abc"
            ],
            "Fn::Cidr": self._cidr,
            "Fn::Length": lambda argument: len(self.resolve(argument)),
            "Fn::ToJsonString": lambda argument: json.dumps(self.resolve(argument), separators=(",", ":")),
        }

    def resolve(self, value: Any) -> Any:
        """Return a value without functions; ``AWS::NoValue`` itself becomes None."""
        resolved = self._resolved(value)
        return None if resolved is NOTHING else resolved

    def decide(self, name: str) -> bool:
        """Return the value of a condition."""
        if not isinstance(name, str) or name not in self._conditions:
            raise invalid(f"Template format error: Unresolved condition dependency {name} in the template")
        if name not in self._decided:
            self._decided[name] = None
            self._decided[name] = self.is_true(self._conditions[name])
        decided = self._decided[name]
        if decided is None:
            raise invalid(f"Template error: Found circular condition dependency with condition {name}")
        return decided

    def _resolved(self, value: Any) -> Any:
        function = function_of(value)
        if function:
            return self._call(*function)
        if isinstance(value, dict):
            pairs = ((key, self._resolved(each)) for key, each in value.items())
            return {key: each for key, each in pairs if each is not NOTHING}
        if isinstance(value, list):
            return [each for each in map(self._resolved, value) if each is not NOTHING]
        return value

    def _call(self, name: str, argument: Any) -> Any:
        if name in _OPERATORS:
            return self.is_true({name: argument})
        if name not in self._functions:
            raise invalid(f"Template error: {name} is not supported by this emulator.")
        try:
            return self._functions[name](argument)
        except (IndexError, KeyError, TypeError, ValueError) as wrong:
            raise invalid(
                f"Template error: {name} has an argument that it cannot use: {json.dumps(argument)}"
            ) from wrong

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NOTHING
        return self._names[name] if name in self._names else self._refer(name)

    def _get_att(self, argument: Any) -> Any:
        name, attribute = attribute_of(argument)
        return self._attribute(name, text(self.resolve(attribute)))

    def _sub(self, argument: Any) -> str:
        template, variables = substitution_of(argument)

        def value_of(found: re.Match[str]) -> str:
            literal, name = found[1], found[2].strip()
            if literal:
                return "${" + found[2] + "}"
            if name in variables:
                return text(self.resolve(variables[name]))
            return text(self._get_att(name) if "." in name else self._ref(name))

        return VARIABLE.sub(value_of, template)

    def _find_in_map(self, argument: Any) -> Any:
        name, top, second = (text(self.resolve(each)) for each in argument[:3])
        found = self._mappings.get(name, {}).get(top, {}).get(second, NOTHING)
        if found is not NOTHING:
            return self.resolve(found)
        if len(argument) > 3 and "DefaultValue" in argument[3]:
            return self.resolve(argument[3]["DefaultValue"])
        raise invalid(f"Template error: Unable to get mapping for {name}::{top}::{second}")

    def _select(self, argument: Any) -> Any:
        position, values = int(self.resolve(argument[0])), self.resolve(argument[1])
        if not 0 <= position < len(values):
            raise invalid("Template error: Fn::Select cannot select nonexistent value at index " + str(position))
        return values[position]

    def _cidr(self, argument: Any) -> list[str]:
        block, count, *bits = (text(self.resolve(each)) for each in argument)
        network = ipaddress.ip_network(block)
        prefix = network.max_prefixlen - int(bits[0]) if bits else network.prefixlen + 8
        subnets = network.subnets(new_prefix=prefix)
        return [str(next(subnets)) for _ in range(int(count))]

    def _texts(self, values: Any) -> set[str]:
        found = self.resolve(values)
        if not isinstance(found, list):
            raise invalid(f"Template error: {json.dumps(values)} must be a list of values.")
        return {text(each) for each in found}

    def is_true(self, condition: Any) -> bool:
        """Return the value of a condition or an assertion."""
        match list(condition.items()) if isinstance(condition, dict) else []:
            case [("Condition", str(name))]:
                return self.decide(name)
            case [("Fn::Equals", [left, right])]:
                return text(self.resolve(left)) == text(self.resolve(right))
            case [("Fn::Not", [inner])]:
                return not self.is_true(inner)
            case [("Fn::And", list(inner))]:
                return all(self.is_true(each) for each in inner)
            case [("Fn::Or", list(inner))]:
                return any(self.is_true(each) for each in inner)
        return self._is_member(condition)

    def _is_member(self, condition: Any) -> bool:
        """Return the value of an assertion about the members of a list."""
        match list(condition.items()) if isinstance(condition, dict) else []:
            case [("Fn::Contains", [values, value])]:
                return text(self.resolve(value)) in self._texts(values)
            case [("Fn::EachMemberEquals", [values, value])]:
                return self._texts(values) <= {text(self.resolve(value))}
            case [("Fn::EachMemberIn", [values, among])]:
                return self._texts(values) <= self._texts(among)
        raise invalid(
            "Template format error: Conditions can only be boolean operations on parameters and other conditions"
        )


_OPERATORS = ("Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or")


def text(value: Any) -> str:
    """Return a value as the text that CloudFormation makes of it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(text(each) for each in value)
    return "" if value is None else str(value)
