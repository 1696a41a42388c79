"""The examples in the documentation of the AWS CLI that is installed: commands and their output."""

from __future__ import annotations

import json
import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

_BLOCK = re.compile(r"^(?P<indent>[ \t]+)\S.*(?:\n(?:(?P=indent).*|[ \t]*))*", re.MULTILINE)
_CONTENTS = re.compile(r"Contents of ``(?P<name>[\w.-]+)``::\s*\n(?P<text>(?:[ \t]+.*\n|\s*\n)+)")


class Example(NamedTuple):
    """A command without ``aws``, and its documented answer; None where there is none, or none in JSON."""

    arguments: list[str]
    answer: Any


class Page(NamedTuple):
    """The page of a command: its examples, and the files that they mention."""

    examples: list[Example]
    files: dict[str, str]


def page(service: str, command: str) -> Page:
    """Return the examples for a command of the AWS CLI; skip the test if the CLI has none."""
    text = (_folder() / service / f"{command}.rst").read_text()
    files = {match["name"]: match["text"] for match in _CONTENTS.finditer(text)}
    blocks = [match[0] for match in _BLOCK.finditer(_CONTENTS.sub("", text))]
    examples: list[Example] = []
    for block in blocks:
        if block.strip().startswith("aws "):
            examples.append(Example(shlex.split(block.replace("\\\n", " "))[1:], None))
        elif examples:
            examples[-1] = examples[-1]._replace(answer=_parsed(block))
    return Page(examples, files)


def _folder() -> Path:
    found = find_spec("awscli")
    if found is None or found.origin is None:
        pytest.skip("the AWS CLI is not installed as a Python package")
    return Path(found.origin).parent / "examples"


def _parsed(block: str) -> Any:
    try:
        return json.loads(block)
    except ValueError:
        return None
