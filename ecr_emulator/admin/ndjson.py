"""Answers that come line by line, each of them JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from flask import Response

NDJSON = "application/x-ndjson"


def line(document: dict[str, Any]) -> str:
    """One line."""
    return json.dumps(document) + "\n"


def line_by_line(lines: Iterator[str]) -> Response:
    """The answer that these lines make, sent as they come."""
    return Response(lines, content_type=NDJSON)
