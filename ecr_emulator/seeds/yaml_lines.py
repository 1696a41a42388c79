"""YAML with the lines of its keys, in which no key may stand twice."""

from __future__ import annotations

from typing import Any

import yaml

from ecr_emulator.seeds.toml_lines import Path

MOST_REPEATED = 100_000
"""Maximum number of values that aliases may add to those that are written out."""


def read_yaml(text: str) -> tuple[Any, dict[Path, int]]:
    """Return the document in a text, and the lines of its keys and items by their paths.

    Raises ``yaml.YAMLError``, also for a key that stands twice and for aliases that repeat too many values.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        values = _Values(loader, most=len(text) + MOST_REPEATED)  # each value that is written out has a character
        return (None if node is None else values.read(node, ())), values.lines
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """A loader whose mappings have each key once, also those that come from merged anchors."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put the keys of merged anchors into a mapping, unless it has them itself."""
        _refuse_repeated_keys(node)
        super().flatten_mapping(node)  # puts what an anchor merges in before the keys that override it
        node.value = list({key.value: (key, value) for key, value in node.value}.values())


class _Values:
    """Reads values, at ``most`` so many, and writes down the ``lines`` of their keys and items."""

    def __init__(self, loader: _Loader, most: int) -> None:
        self._loader = loader
        self._left = most
        self.lines: dict[Path, int] = {}

    def read(self, node: yaml.Node, path: Path) -> Any:
        """Return the value of a node."""
        self._left -= 1
        if self._left < 0:
            reason = f"its aliases repeat more than {MOST_REPEATED} values"
            raise yaml.constructor.ConstructorError(None, None, reason, node.start_mark)
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(each, (*path, number)) for number, each in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return self._loader.construct_object(node)
        self._loader.flatten_mapping(node)
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self._loader.construct_object(key_node, deep=True)
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            found[key] = self.read(value_node, (*path, key))
        return found


def _refuse_repeated_keys(node: Any) -> None:
    seen = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key is no text", key.start_mark)
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} stands twice", key.start_mark)
        seen.add(key.value)
