"""Streamed answers with one JSON document per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from flask import Response

NDJSON = "application/x-ndjson"


def line(document: dict[str, Any]) -> str:
    """Return a document as one line."""
    return json.dumps(document) + "\n"


def line_by_line(lines: Iterator[str]) -> Response:
    """Return an answer that sends each line as soon as it is there."""
    return Response(lines, content_type=NDJSON)
