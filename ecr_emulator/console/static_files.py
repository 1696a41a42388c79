"""The stylesheet and the script of the pages."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

blueprint = Blueprint("static_files", __name__, url_prefix="/_ecr/console/static")

FOLDER = Path(__file__).parent / "static"
KINDS = {"console.css": "text/css", "icon.svg": "image/svg+xml", "live.js": "text/javascript"}
"""The files with their content types."""


@blueprint.get("/<name>")
def static_file(name: str) -> Response:
    """Return a file. Its address has the version of the emulator as its query, so browsers may keep it."""
    if name not in KINDS:
        raise NotFound
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(_content(name), headers=headers, content_type=f"{KINDS[name]}; charset=utf-8")


@cache
def _content(name: str) -> bytes:
    return (FOLDER / name).read_bytes()
