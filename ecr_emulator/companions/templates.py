"""Templates of CloudFormation: which resource types one asks for, itself and by the templates that it names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

_NAMES_TEMPLATE = ("TemplateURL", "Location")
"""Of a nested stack, a stack set, an application, and of a snippet that ``AWS::Include`` brings in."""


def resource_types(text: str, fetch: Callable[[str], str]) -> Iterator[str]:
    """Every ``Type`` in the resources of a template, in JSON or YAML; ``fetch`` has the text behind an address.

    What is no template, or not there, is passed over.
    """
    fetched: set[str] = set()
    pending = [text]
    while pending:
        for key, value in _pairs(_resources(_parsed(pending.pop()))):
            if key == "Type":
                yield value
            elif key == "TemplateBody":
                pending.append(value)
            elif key in _NAMES_TEMPLATE and value not in fetched:
                fetched.add(value)
                with suppress(Exception):  # an address that leads nowhere is for CloudFormation to complain of
                    pending.append(fetch(value))


def _parsed(text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Reads ``!Tag`` as ``Fn::Tag``."""

    def function(loader: Any, name: str, node: Any) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return {f"Fn::{name}": loader.construct_scalar(node)}
        construct = loader.construct_mapping if isinstance(node, yaml.MappingNode) else loader.construct_sequence
        return {f"Fn::{name}": construct(node, deep=True)}

    Loader.add_multi_constructor("!", function)
    try:
        return yaml.load(text, Loader)  # noqa: S506 - a safe one
    except (yaml.YAMLError, ValueError):
        with suppress(ValueError, RecursionError):
            return json.loads(text)
    return None


def _resources(template: Any) -> Any:
    """What of a template may ask for resources; a snippet may be the resources themselves."""
    if not isinstance(template, dict) or "Resources" not in template:
        return template
    return [template["Resources"], template.get("Transform"), template.get("Fn::Transform")]


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    """Every key with a text, however deep, but no ``Type`` of a property. What YAML has in many places is met once."""
    seen: set[tuple[int, bool]] = set()
    pending = [(value, False)]
    while pending:
        each, in_properties = pending.pop()
        if (id(each), in_properties) in seen:
            continue
        seen.add((id(each), in_properties))
        if isinstance(each, list):
            pending.extend((item, in_properties) for item in each)
        elif isinstance(each, dict):
            pending.extend((item, in_properties or key == "Properties") for key, item in each.items())
            texts = ((key, text) for key, text in each.items() if isinstance(key, str) and isinstance(text, str))
            yield from ((key, text) for key, text in texts if key != "Type" or not in_properties)
