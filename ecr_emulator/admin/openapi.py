"""``/_ecr/openapi.json``: the description of these endpoints, for programs that generate clients."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue

from ecr_emulator.version import __version__

SOURCE = Path(__file__).with_name("openapi.yaml")


def show(_: Mapping[str, Any]) -> ResponseReturnValue:
    """Return the OpenAPI document."""
    return jsonify(openapi_document())


@cache
def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document of ``openapi.yaml`` with the version of the emulator."""
    import yaml

    document: dict[str, Any] = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    document["info"]["version"] = __version__
    return document
