"""The stylesheet and the script of the pages."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, url_for
from werkzeug.exceptions import NotFound

blueprint = Blueprint("static_files", __name__, url_prefix="/_ecr/console/static")

FOLDER = Path(__file__).parent / "static"
KINDS = {"console.css": "text/css", "icon.svg": "image/svg+xml", "live.js": "text/javascript"}
"""The files with their content types."""


@blueprint.get("/<name>")
def static_file(name: str) -> Response:
    """Return a file. Its address changes with its content, so browsers may keep it."""
    if name not in KINDS:
        raise NotFound
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(_content(name), headers=headers, content_type=f"{KINDS[name]}; charset=utf-8")


def static_url(name: str) -> str:
    """Return the address of a file."""
    return url_for("static_files.static_file", name=name, v=_version(name))


@cache
def _version(name: str) -> str:
    return hashlib.sha256(_content(name)).hexdigest()[:12]


@cache
def _content(name: str) -> bytes:
    return (FOLDER / name).read_bytes()
