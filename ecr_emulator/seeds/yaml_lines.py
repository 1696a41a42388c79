"""YAML with the lines of its keys, in which no key may stand twice."""

from __future__ import annotations

from typing import Any

import yaml

from ecr_emulator.seeds.toml_lines import Path


def read_yaml(text: str) -> tuple[Any, dict[Path, int]]:
    """Return the document in a text, and the lines of its keys and items by their paths.

    Raises ``yaml.YAMLError``, also for a key that stands twice.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        lines: dict[Path, int] = {}
        return (None if node is None else _value(loader, node, (), lines)), lines
    finally:
        loader.dispose()


def _value(loader: Any, node: Any, path: Path, lines: dict[Path, int]) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, each, (*path, number), lines) for number, each in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node)
    _refuse_repeated_keys(node)
    loader.flatten_mapping(node)  # puts what an anchor merges in before the keys that override it
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        lines[(*path, key)] = key_node.start_mark.line + 1
        found[key] = _value(loader, value_node, (*path, key), lines)
    return found


def _refuse_repeated_keys(node: Any) -> None:
    seen = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key is no text", key.start_mark)
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} stands twice", key.start_mark)
        seen.add(key.value)
