"""Maps from methods and paths to views, made once for all applications that have the same addresses.

Compiling the rules of a map takes several times as long as starting an emulator.
"""

from __future__ import annotations

from functools import cache

from flask import Flask
from werkzeug.routing import Map


def endpoint_of(method: str, path: str) -> str:
    """Return the key of an address in ``Flask.view_functions``."""
    return f"{method} {path}"


@cache
def url_map_of(*addresses: tuple[str, str]) -> Map:
    """Return the map of an application with these methods and paths; each has its endpoint."""
    app = Flask(__name__, static_folder=None)
    for method, path in addresses:
        app.add_url_rule(path, endpoint_of(method, path), methods=[method])
    return app.url_map
