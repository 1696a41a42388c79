"""Read the text of a template, in JSON or YAML."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from ecr_emulator.companions.cloudformation.failures import invalid


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads ``!Tag`` as ``Fn::Tag``. Dates, and numbers with a leading zero such as account numbers, stay texts."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))


def read_template(text: str) -> dict[str, Any]:
    """Return the content of a template. Raises moto's ``ValidationError`` if it is not well-formed."""
    content = _read_json(text) if text.lstrip().startswith("{") else _read_yaml(text)
    if not isinstance(content, dict):
        raise invalid("Template format error: unsupported structure.")
    return content


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as wrong:
        raise invalid("Template format error: JSON is nested too deeply.") from wrong
    except json.JSONDecodeError as wrong:
        try:  # a YAML template may begin with a brace
            return yaml.load(text, _Loader)  # noqa: S506 - a safe one
        except yaml.YAMLError:
            where = f"(line {wrong.lineno}, column {wrong.colno})"
            raise invalid(f"Template format error: JSON not well-formed. {where}") from wrong


def _read_yaml(text: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a safe one
    except (yaml.YAMLError, RecursionError, ValueError) as wrong:
        mark = getattr(wrong, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise invalid(f"Template format error: YAML not well-formed.{where}") from wrong


def _function(loader: Any, name: str, node: Any) -> Any:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    else:
        construct = loader.construct_mapping if isinstance(node, yaml.MappingNode) else loader.construct_sequence
        value = construct(node, deep=True)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _function)
