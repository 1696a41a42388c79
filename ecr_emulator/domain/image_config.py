"""The config of a container image: its platform, what it runs, and the history of its layers.

https://github.com/opencontainers/image-spec/blob/main/config.md

Whoever builds an image decides on its config, so a value of another type than the specification says is left out.
"""

from __future__ import annotations

import json
from typing import Any

from ecr_emulator.quick_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """A step of the history. ``is_empty`` tells that it made no layer."""

    created: str
    created_by: str
    is_empty: bool


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The parts of a config that people ask for. ``platform`` is like ``linux/arm64``.

    ``settings`` are the names and values of what a container runs with: entrypoint, command, user, folder and ports.
    """

    platform: str = ""
    created: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    environment: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    history: tuple[HistoryStep, ...] = ()


def read_image_config(raw: bytes) -> ImageConfig | None:
    """Parse a config. None if it is no JSON object."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    running = _object(document.get("config"))
    return ImageConfig(
        platform="/".join(filter(None, (_text(document.get(key)) for key in ("os", "architecture", "variant")))),
        created=_text(document.get("created")),
        settings=tuple(_settings(running)),
        environment=tuple(_texts(running.get("Env"))),
        labels=tuple((_clean(name), _text(value)) for name, value in _object(running.get("Labels")).items()),
        history=tuple(_step(each) for each in _list(document.get("history")) if isinstance(each, dict)),
    )


def _settings(running: dict[str, Any]) -> list[tuple[str, str]]:
    found = [
        ("Entrypoint", " ".join(_texts(running.get("Entrypoint")))),
        ("Command", " ".join(_texts(running.get("Cmd")))),
        ("User", _text(running.get("User"))),
        ("Working directory", _text(running.get("WorkingDir"))),
        ("Ports", ", ".join(map(_clean, _object(running.get("ExposedPorts"))))),
        ("Volumes", ", ".join(map(_clean, _object(running.get("Volumes"))))),
        ("Stop signal", _text(running.get("StopSignal"))),
    ]
    return [(name, value) for name, value in found if value]


def _step(step: dict[str, Any]) -> HistoryStep:
    told = _text(step.get("created_by")) or _text(step.get("comment"))
    return HistoryStep(_text(step.get("created")), told, step.get("empty_layer") is True)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [_clean(each) for each in _list(value) if isinstance(each, str)]


def _text(value: Any) -> str:
    return _clean(value) if isinstance(value, str) else ""


def _clean(text: str) -> str:
    """Return a text without lone surrogates, which JSON accepts and UTF-8 does not."""
    return text.encode(errors="replace").decode()
