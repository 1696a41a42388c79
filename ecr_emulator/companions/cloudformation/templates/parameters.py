"""The values of a template's parameters.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ecr_emulator.companions.cloudformation.failures import invalid
from ecr_emulator.companions.cloudformation.templates.values import text

_STORED = "AWS::SSM::Parameter::Value<"


def parameter_values(
    declared: Mapping[str, Any], given: Mapping[str, str], stored: Callable[[str], str]
) -> dict[str, Any]:
    """Return the values of parameters: those that are given, else the defaults.

    ``stored`` returns the value of a parameter of SSM. Raises moto's ``ValidationError`` for values that are missing,
    unknown or not allowed.
    """
    unknown = [name for name in given if name not in declared]
    if unknown:
        raise invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [name for name, each in declared.items() if name not in given and "Default" not in each]
    if missing:
        raise invalid(f"Parameters: [{', '.join(missing)}] must have values")
    return {name: _value(name, each, given, stored) for name, each in declared.items()}


def shown_values(
    declared: Mapping[str, Any], values: Mapping[str, Any], given: Mapping[str, str]
) -> list[dict[str, str]]:
    """Return the parameters as ``DescribeStacks`` lists them; values that must not be shown are hidden."""
    shown = []
    for name, value in values.items():
        slot = declared[name]
        entry = {"ParameterKey": name, "ParameterValue": given.get(name, text(slot.get("Default")))}
        if text(slot.get("NoEcho")) == "true":
            entry["ParameterValue"] = "****"
        elif str(slot.get("Type", "")).startswith(_STORED):
            entry["ResolvedValue"] = text(value)
        shown.append(entry)
    return shown


def _value(name: str, slot: Mapping[str, Any], given: Mapping[str, str], stored: Callable[[str], str]) -> Any:
    kind = str(slot.get("Type", "String"))
    value = text(given[name] if name in given else slot["Default"])
    if kind.startswith(_STORED):
        kind, value = kind.removeprefix(_STORED).removesuffix(">"), stored(value)
    is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
    items = [item.strip() for item in value.split(",")] if is_list and value else [] if is_list else [value]
    for item in items:
        _check(name, slot, item, is_number=kind in ("Number", "List<Number>"))
    return items if is_list else value


def _check(name: str, slot: Mapping[str, Any], value: str, *, is_number: bool) -> None:
    refusal = _refusal(slot, value) or (_refused_number(slot, value) if is_number else None)
    if refusal:
        raise invalid(f"Parameter {name} failed to satisfy constraint: {slot.get('ConstraintDescription') or refusal}")


def _refusal(slot: Mapping[str, Any], value: str) -> str | None:
    allowed = [text(each) for each in slot.get("AllowedValues", ())]
    pattern = slot.get("AllowedPattern")
    if allowed and value not in allowed:
        return f"must be one of AllowedValues: [{', '.join(allowed)}]"
    if pattern and not re.fullmatch(pattern, value):
        return f"must match pattern {pattern}"
    if len(value) < int(slot.get("MinLength", 0)):
        return f"must contain at least {slot['MinLength']} characters"
    if "MaxLength" in slot and len(value) > int(slot["MaxLength"]):
        return f"must contain at most {slot['MaxLength']} characters"
    return None


def _refused_number(slot: Mapping[str, Any], value: str) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "must be a number"
    if "MinValue" in slot and number < float(slot["MinValue"]):
        return f"must be a number not less than {slot['MinValue']}"
    if "MaxValue" in slot and number > float(slot["MaxValue"]):
        return f"must be a number not greater than {slot['MaxValue']}"
    return None
