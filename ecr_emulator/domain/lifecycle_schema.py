"""The schema of lifecycle policies, and ECR's sentences for documents that do not match it.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import ValidationError

MAX_RULES = 50
_COUNTED_IN_DAYS = ("sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned")
_TAGS = {"type": "array", "items": {"type": "string"}}

_SELECTION = {
    "type": "object",
    "required": ["tagStatus", "countType", "countNumber"],
    "additionalProperties": False,
    "properties": {
        "tagStatus": {"type": "string", "enum": ["tagged", "untagged", "any"]},
        "tagPrefixList": _TAGS,
        "tagPatternList": _TAGS,
        "storageClass": {"type": "string", "enum": ["standard", "archive"]},
        "countType": {"type": "string"},
        "countUnit": {"enum": ["days"]},
        "countNumber": {"type": "integer", "minimum": 1},
    },
    "oneOf": [
        {"properties": {"countType": {"enum": ["imageCountMoreThan"]}}, "not": {"required": ["countUnit"]}},
        *(
            {
                "properties": {"countType": {"enum": [name]}, "countUnit": {"type": "string"}},
                "required": ["countUnit"],
            }
            for name in _COUNTED_IN_DAYS
        ),
    ],
}
_ACTION = {
    "type": "object",
    "required": ["type"],
    "additionalProperties": False,
    "properties": {"type": {"type": "string", "enum": ["expire", "transition"]}, "targetStorageClass": {}},
    "oneOf": [
        {"properties": {"type": {"not": {"enum": ["transition"]}}}, "not": {"required": ["targetStorageClass"]}},
        {"properties": {"type": {"enum": ["transition"]}, "targetStorageClass": {"enum": ["archive"]}}},
    ],
}
_RULE = {
    "type": "object",
    "required": ["rulePriority", "selection", "action"],
    "additionalProperties": False,
    "properties": {
        "rulePriority": {"type": "integer", "minimum": 1},
        "description": {"type": "string"},
        "selection": _SELECTION,
        "action": _ACTION,
    },
}
_POLICY = {
    "type": "object",
    "required": ["rules"],
    "additionalProperties": False,
    "properties": {"rules": {"type": "array", "minItems": 1, "maxItems": MAX_RULES, "items": _RULE}},
}


def departures(document: Any) -> list[str]:
    """Return ECR's sentences for all differences between a JSON value and the schema, in ECR's order."""
    return list(_departures(document, _POLICY))


def _departures(value: Any, schema: dict[str, Any]) -> Iterator[str]:
    """Yield the errors of a value itself; if it has none, the errors of its members, in order of name."""
    found = list(_own_departures(value, schema))
    yield from found
    if found:
        return
    if isinstance(value, dict):
        for name in sorted(value):
            yield from _departures(value[name], schema["properties"][name])
    elif isinstance(value, list):
        for each in value:
            yield from _departures(each, schema["items"])


def _own_departures(value: Any, schema: dict[str, Any]) -> Iterator[str]:
    """Yield the errors of a value without its members.

    A wrong type hides all other errors. A failed ``oneOf`` is reported only if there is no other error.
    """
    from jsonschema import Draft4Validator

    by_keyword = {error.validator: error for error in Draft4Validator(_outermost(schema)).iter_errors(value)}
    told_first = min(map(_rank, by_keyword), default=0)
    for keyword in sorted(by_keyword):
        if _rank(keyword) == told_first:
            yield _SENTENCES[keyword](by_keyword[keyword])


def _outermost(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that accepts any values of properties and items."""
    names: dict[str, Any] = {name: {} for name in schema.get("properties", ())}
    return schema | {"properties": names, "items": {}}


def _rank(keyword: str) -> int:
    return {"type": 0, "oneOf": 2}.get(keyword, 1)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _kind(value: Any) -> str:
    """Return the name that JSON Schema has for the primitive type of a JSON value."""
    kinds: list[tuple[Any, str]] = [
        (bool, "boolean"),  # before int, because bool is a subclass of int
        (int, "integer"),
        (float, "number"),
        (str, "string"),
        (list, "array"),
        (dict, "object"),
    ]
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")


def _wrong_type(error: ValidationError) -> str:
    allowed = _json([error.validator_value])
    return f"instance type ({_kind(error.instance)}) does not match any allowed primitive type (allowed: {allowed})"


def _missing(error: ValidationError) -> str:
    missing = sorted(set(error.validator_value) - error.instance.keys())
    return f"object has missing required properties ({_json(missing)})"


def _unknown(error: ValidationError) -> str:
    unknown = sorted(error.instance.keys() - error.schema["properties"].keys())
    return f"object instance has properties which are not allowed by the schema: ({_json(unknown)})"


def _too_short(error: ValidationError) -> str:
    return _wrong_size("short", "least", error)


def _too_long(error: ValidationError) -> str:
    return _wrong_size("long", "most", error)


def _wrong_size(complaint: str, bound: str, error: ValidationError) -> str:
    limit, found = error.validator_value, len(error.instance)
    return f"array is too {complaint}: must have at {bound} {limit} elements but instance has {found} elements"


def _no_choice(error: ValidationError) -> str:
    return (
        f"instance value ({_json(error.instance)}) not found in enum (possible values: {_json(error.validator_value)})"
    )


def _too_low(error: ValidationError) -> str:
    limit, found = error.validator_value, error.instance
    return f"numeric instance is lower than the required minimum (minimum: {limit}, found: {found})"


def _no_schema(error: ValidationError) -> str:
    return f"instance failed to match exactly one schema (matched 0 out of {len(error.validator_value)})"


_SENTENCES: Mapping[str, Callable[[ValidationError], str]] = {
    "type": _wrong_type,
    "required": _missing,
    "additionalProperties": _unknown,
    "minItems": _too_short,
    "maxItems": _too_long,
    "enum": _no_choice,
    "minimum": _too_low,
    "oneOf": _no_schema,
}
"""The function that writes the sentence, for each keyword of JSON Schema."""
