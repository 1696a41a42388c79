"""JSON Schemas of the answers, from the model's output shapes: a second reading of the model, to check the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NUMBERS = {"integer": "integer", "long": "integer", "float": "number", "double": "number", "timestamp": "number"}
_LENGTHS = {"string": ("minLength", "maxLength"), "list": ("minItems", "maxItems")}


def answer_schema(operation: OperationModel) -> dict[str, Any]:
    """The schema of what an operation answers."""
    return {"$schema": DIALECT, "title": operation.name, **_schema(operation.output_shape)}


def _schema(shape: Shape) -> dict[str, Any]:
    match shape.type_name:
        case "structure":
            return {
                "type": "object",
                "properties": {name: _schema(member) for name, member in shape.members.items()},
                "required": list(shape.required_members),
                "additionalProperties": False,
            }
        case "list":
            return {"type": "array", "items": _schema(shape.member)} | _bounds(shape)
        case "map":
            return {"type": "object", "additionalProperties": _schema(shape.value)}
        case "blob" | "string":
            return {"type": "string"} | _bounds(shape)
        case "boolean":
            return {"type": "boolean"}
        case number:
            return {"type": _NUMBERS[number]} | _bounds(shape)


def _bounds(shape: Shape) -> dict[str, Any]:
    low, high = _LENGTHS.get(shape.type_name, ("minimum", "maximum"))
    bounds = {low: shape.metadata.get("min"), high: shape.metadata.get("max"), "enum": shape.metadata.get("enum")}
    pattern = shape.metadata.get("pattern")
    bounds["pattern"] = f"^(?:{pattern})$" if pattern else None
    return {name: value for name, value in bounds.items() if value is not None}
