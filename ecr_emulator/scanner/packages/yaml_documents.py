"""YAML documents without anchors, as tools write lock files. Every scalar is a text, so a version is no number.

https://yaml.org/spec/1.2.2/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from ecr_emulator.scanner.packages.files import UnreadableFile

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""PyYAML without libyaml takes ten times as long."""
_MAX_DEPTH = 50
"""Maximum depth of collections within collections."""


def documents_of(text: str) -> Iterator[dict[str, Any]]:
    """Yield the documents in a text. Each must be a mapping. Raises ``UnreadableFile``."""
    events = yaml.parse(text, Loader=_LOADER)
    try:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                document = _node(next(events), events, 0)
                if not isinstance(document, dict):
                    raise UnreadableFile("it is no YAML mapping")
                yield document
    except (yaml.YAMLError, ValueError, OverflowError) as failure:
        reason = " ".join(str(failure).split())
        raise UnreadableFile(f"it is no YAML document: {reason}") from failure


def _node(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Any:
    """Return the value that begins with an event. An alias is refused: few of them make a document of any size."""
    if depth > _MAX_DEPTH:
        raise UnreadableFile(f"it has collections within collections, more than {_MAX_DEPTH} deep")
    if isinstance(event, yaml.ScalarEvent):
        return event.value
    if isinstance(event, yaml.SequenceStartEvent):
        return [_node(each, events, depth + 1) for each in _until(yaml.SequenceEndEvent, events)]
    if isinstance(event, yaml.MappingStartEvent):
        keys = _until(yaml.MappingEndEvent, events)
        return {_key(key): _node(next(events), events, depth + 1) for key in keys}
    raise UnreadableFile("it has aliases, which lock files do not have")


def _until(end: type[yaml.Event], events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    while not isinstance(event := next(events), end):
        yield event


def _key(event: yaml.Event) -> str:
    if not isinstance(event, yaml.ScalarEvent):
        raise UnreadableFile("it has a key that is no text")
    return str(event.value)
