"""The schemas of resource types, which cfn-lint has.

https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from __future__ import annotations

from functools import cache
from typing import Any

from ecr_emulator.companions.cloudformation.failures import ResourceFailure
from ecr_emulator.companions.cloudformation.templates.values import text

_REGION = "us-east-1"
"""All Regions have the same schema of the types of ECR."""


class ResourceSchema:
    """The properties of a resource type."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content
        self._definitions: dict[str, Any] = content.get("definitions", {})
        self.identifier = _names(content["primaryIdentifier"])[0]
        self.read_only = frozenset(_names(content.get("readOnlyProperties")))
        self.create_only = frozenset(_names(content.get("createOnlyProperties")))
        self.write_only = frozenset(_names(content.get("writeOnlyProperties")))

    def checked(self, name: str, properties: dict[str, Any]) -> dict[str, Any]:
        """Return the properties of a resource with the types of the schema, as CloudFormation converts texts.

        Raises ``ResourceFailure`` if they do not match the schema; ``name`` is the logical name of the resource.
        """
        converted: dict[str, Any] = self._converted(properties, self._content)
        wrong = [f"#: extraneous key [{each}] is not permitted" for each in converted if each in self.read_only]
        wrong += [_sentence(error) for error in _validator(self._content["typeName"]).iter_errors(converted)]
        if wrong:
            sentences = "\n".join(wrong)
            raise ResourceFailure(f"Properties validation failed for resource {name} with message:\n{sentences}")
        return converted

    def _converted(self, value: Any, schema: dict[str, Any]) -> Any:
        if "$ref" in schema:
            schema = self._definitions[schema["$ref"].rpartition("/")[2]]
        kind = schema.get("type")
        if isinstance(value, dict) and "properties" in schema:
            known = schema["properties"]
            return {key: self._converted(each, known.get(key, {})) for key, each in value.items()}
        if isinstance(value, list) and "items" in schema:
            return [self._converted(each, schema["items"]) for each in value]
        if kind == "boolean" and text(value) in ("true", "false"):
            return text(value) == "true"
        if kind == "string" and isinstance(value, bool | int | float):
            return text(value)
        return value


@cache
def schema_of(kind: str) -> ResourceSchema:
    """Return the schema of a resource type; imports cfn-lint."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    return ResourceSchema(PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, kind).schema)


@cache
def _validator(kind: str) -> Any:
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
    from jsonschema import Draft7Validator

    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, kind).schema
    return Draft7Validator({**schema, "required": schema.get("required", [])})


def _names(paths: list[str] | None) -> list[str]:
    return [path.split("/")[2] for path in paths or ()]


def _sentence(error: Any) -> str:
    """Return a violation in CloudFormation's words."""
    path, wanted, found = "/".join(["#", *map(str, error.absolute_path)]), error.validator_value, error.instance
    match error.validator:
        case "required":
            what = f"required key [{next(each for each in wanted if each not in found)}] not found"
        case "additionalProperties":
            extra = next(each for each in found if each not in error.schema.get("properties", {}))
            what = f"extraneous key [{extra}] is not permitted"
        case "type":
            what = f"expected type: {_type_names(wanted)}, found: {_type_name(found)}"
        case "enum":
            what = f"{found} is not a valid enum value"
        case "pattern":
            what = f"string [{found}] does not match pattern {wanted}"
        case "minLength" | "maxLength" | "minItems" | "maxItems":
            what = f"expected {error.validator}: {wanted}, actual: {len(found)}"
        case other:
            what = f"failed validation constraint for keyword [{other}]"
    return f"{path}: {what}"


def _type_names(kinds: Any) -> str:
    names = [_TYPE_NAMES[each] for each in ([kinds] if isinstance(kinds, str) else kinds)]
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"


def _type_name(value: Any) -> str:
    return next((name for kind, name in _PYTHON_TYPES if isinstance(value, kind)), "Null")


_TYPE_NAMES = {
    "object": "JSONObject", "array": "JSONArray", "string": "String", "boolean": "Boolean", "integer": "Integer",
    "number": "Number", "null": "Null",
}  # fmt: skip
_PYTHON_TYPES = (
    (bool, "Boolean"),
    (int, "Integer"),
    (float, "Double"),
    (str, "String"),
    (dict, "JSONObject"),
    (list, "JSONArray"),
)
