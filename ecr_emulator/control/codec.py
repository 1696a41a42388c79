"""Convert JSON to Python values and back, by closures that are compiled once from the model's shapes.

Decoders report values of a wrong type; ``constraints`` reports values that are out of bounds.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ecr_emulator.errors import SerializationException

if TYPE_CHECKING:
    from botocore.model import Shape

Decode = Callable[[Any], Any]
Encode = Callable[[Any], Any]

_SCALARS: dict[str, tuple[type, str]] = {
    "string": (str, "a string"),
    "boolean": (bool, "a boolean"),
    "integer": (int, "a whole number"),
    "long": (int, "a whole number"),
}
_JSON_NAMES = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def decoder(shape: Shape, path: str = "") -> Decode:
    """Return a function that reads values of a shape. It ignores unknown members, and members that are null.

    The function raises ``SerializationException``, which names the member, its type and the type that was found.
    """
    match shape.type_name:
        case "structure":
            return _object_decoder(
                {name: decoder(each, join(path, name)) for name, each in shape.members.items()}, path
            )
        case "list":
            return _list_decoder(decoder(shape.member, path), path)
        case "blob":
            return _blob_decoder(path)
        case scalar:
            return _scalar_decoder(*_SCALARS[scalar], path)


def encoder(shape: Shape) -> Encode | None:
    """Return a function that writes values of a shape; None if values need no conversion.

    The function writes times as epoch seconds and leaves out members that are None. It raises ``KeyError`` for a
    member that the shape does not have.
    """
    match shape.type_name:
        case "structure":
            return _object_encoder({name: encoder(each) for name, each in shape.members.items()})
        case "list":
            item = encoder(shape.member)
            return item and (lambda values: [item(value) for value in values])
        case "timestamp":
            return _epoch_seconds
        case _:
            return None


def join(path: str, name: str) -> str:
    """Return the path of a member, such as ``imageId.imageTag``. The items of a list have the path of the list."""
    return f"{path}.{name}" if path else name


def _object_decoder(members: dict[str, Decode], path: str) -> Decode:
    pairs = list(members.items())

    def decode(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise _mismatch(path, "an object", value)
        return {name: read(value[name]) for name, read in pairs if value.get(name) is not None}

    return decode


def _list_decoder(item: Decode, path: str) -> Decode:
    def decode(value: Any) -> list[Any]:
        if type(value) is not list:
            raise _mismatch(path, "a list", value)
        return [item(each) for each in value]

    return decode


def _blob_decoder(path: str) -> Decode:
    def decode(value: Any) -> bytes:
        if type(value) is str:
            try:
                return base64.b64decode(value, validate=True)
            except ValueError:
                pass
        raise _mismatch(path, "base64 in a string", value)

    return decode


def _scalar_decoder(kind: type, name: str, path: str) -> Decode:
    def decode(value: Any) -> Any:
        if type(value) is not kind:  # a JSON boolean is not a number
            raise _mismatch(path, name, value)
        return value

    return decode


def _mismatch(path: str, expected: str, value: Any) -> SerializationException:
    member = f"'{path}'" if path else "the body"
    found = _JSON_NAMES.get(type(value), "null")
    return SerializationException(reason=f"{member} must be {expected}, and is {found}")


def _object_encoder(members: dict[str, Encode | None]) -> Encode:
    def encode(value: dict[str, Any]) -> dict[str, Any]:
        encoded = {}
        for name, each in value.items():
            write = members[name]
            if each is not None:
                encoded[name] = write(each) if write else each
        return encoded

    return encode


def _epoch_seconds(value: datetime) -> float:
    return round(value.timestamp(), 3)
