"""Bodies of requests to ``/_ecr/…``."""

from __future__ import annotations

from typing import Any

from flask import request
from werkzeug.exceptions import UnsupportedMediaType


def json_body() -> Any:
    """The JSON that a request brings; None if it brings none, or what is no JSON.

    Raises ``UnsupportedMediaType`` for a body that is not said to be JSON, as ``curl -d`` sends it by itself.
    """
    if request.content_length and not request.is_json:
        raise UnsupportedMediaType("A body must be sent with the header Content-Type: application/json")
    return request.get_json(silent=True)
