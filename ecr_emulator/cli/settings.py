"""``ecr-emulator settings``: the value and the source of each setting."""

from __future__ import annotations

import json
from typing import Any

import click

from ecr_emulator.cli.options import with_settings
from ecr_emulator.setting_sources import Loaded
from ecr_emulator.settings import SETTINGS


@click.command()
@with_settings()
def settings(loaded: Loaded) -> None:
    """Print the value and the source of every setting, as a TOML file.

    \b
    Example: ecr-emulator settings --port 5000
    """
    for name, source in loaded.sources.items():
        value = getattr(loaded.settings, name)
        click.echo(f"{_line(name, value):<48}  # {source}")


def _line(name: str, value: Any) -> str:
    is_secret = SETTINGS[name].kind.is_secret
    if value is None or (is_secret and not value):
        return f"# {name} is not set"
    return f"# {name} is set; its value is secret" if is_secret else f"{name} = {_toml(value)}"


def _toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            pairs = ", ".join(f"{_toml(name)} = {_toml(each)}" for name, each in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
    return json.dumps(str(value), ensure_ascii=False)
