"""Resource types in a CloudFormation template and in the templates that it refers to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

_NAMES_TEMPLATE = ("TemplateURL", "Location")
"""Properties with the URL of a nested stack, a stack set, an application, or an ``AWS::Include`` snippet."""


def resource_types(text: str, fetch: Callable[[str], str]) -> Iterator[str]:
    """Yield every ``Type`` in the resources of a template, in JSON or YAML; ``fetch`` returns the text at a URL.

    Texts that are no templates, and missing ones, are skipped.
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
                with suppress(Exception):  # CloudFormation itself reports a URL that leads nowhere
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
    """Return the parts of a template that may contain resources; a snippet may consist of resources only."""
    if not isinstance(template, dict) or "Resources" not in template:
        return template
    return [template["Resources"], template.get("Transform"), template.get("Fn::Transform")]


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    """Yield each key with a text, at any depth, except the ``Type`` of a property; visit a shared node once."""
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
