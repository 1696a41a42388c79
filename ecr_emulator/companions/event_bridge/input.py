"""The input of a target: the whole event, a part of it, a constant, or the result of a template.

moto's template parser puts strings into a template without quotes, which breaks templates as AWS documents them.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_VARIABLE = re.compile(r"<([A-Za-z0-9_.-]+)>")
_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[([0-9]+)\]|\['([^']+)'\]")
_ABSENT = object()


def input_of(target: Mapping[str, Any], envelope: Mapping[str, Any], predefined: Mapping[str, Any]) -> str:
    """Return the text that a target receives, which is JSON. ``predefined`` are the values of AWS's own variables.

    Raises ``ValueError`` for a path that is no JSONPath of EventBridge.
    """
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath") is not None:
        found = _at(target["InputPath"], envelope)
        return json.dumps(None if found is _ABSENT else found)
    transformer = target.get("InputTransformer")
    if not transformer:
        return json.dumps(envelope)
    paths = transformer.get("InputPathsMap") or {}
    values = {name: _at(path, envelope) for name, path in paths.items()}
    return _filled(transformer["InputTemplate"], {**predefined, **values})


def _filled(template: str, values: Mapping[str, Any]) -> str:
    """Replace the variables of a template. Within quotes, a value becomes a part of the string."""

    def replacement(found: re.Match[str]) -> str:
        if found[1] not in values:
            return found[0]
        value = values[found[1]]
        if not _is_quoted(template, found.start()):
            return json.dumps(None if value is _ABSENT else value)
        text = "" if value is _ABSENT else value if isinstance(value, str) else json.dumps(value)
        return json.dumps(text)[1:-1]

    return _VARIABLE.sub(replacement, template)


def _is_quoted(template: str, place: int) -> bool:
    """Return whether a place is inside a string of JSON."""
    return len(re.findall(r'(?<!\\)"', template[:place])) % 2 == 1


def _at(path: str, document: Any) -> Any:
    """Return the value at a JSONPath, or ``_ABSENT``."""
    steps = _STEP.findall(path)
    if path != "$" + "".join(found[0] for found in _STEP.finditer(path)):
        raise ValueError(f"{path!r} is not a path like $.detail.repository-name")
    for name, index, quoted in steps:
        try:
            document = document[int(index)] if index else document[name or quoted]
        except (LookupError, TypeError):
            return _ABSENT
    return document
