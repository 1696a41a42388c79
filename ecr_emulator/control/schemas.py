"""JSON Schemas of the answers, made from the model's output shapes independently of the encoder, to check its output.

The schemas contain no bounds of length. The model's bounds are for requests; AWS also answers an empty ``imageIds``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NUMBERS = {"integer": "integer", "long": "integer", "float": "number", "double": "number", "timestamp": "number"}


def answer_schema(operation: OperationModel) -> dict[str, Any]:
    """Return the schema of an operation's answers."""
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
            return {"type": "array", "items": _schema(shape.member)}
        case "map":
            return {"type": "object", "additionalProperties": _schema(shape.value)}
        case "blob" | "string":
            return {"type": "string"} | _choices(shape)
        case "boolean":
            return {"type": "boolean"}
        case number:
            return {"type": _NUMBERS[number]}


def _choices(shape: Shape) -> dict[str, Any]:
    choices = {"enum": shape.metadata["enum"]} if "enum" in shape.metadata else {}
    return choices | ({"pattern": f"^(?:{shape.metadata['pattern']})$"} if "pattern" in shape.metadata else {})
