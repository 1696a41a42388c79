"""Run the verification of an emulator over HTTP."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.test import Client


def verify(http: Client) -> tuple[list[tuple[str, ...]], dict[str, Any]]:
    """Return the findings, each as (state, kind, name, ``well`` or ``broken``), and the last line, a summary."""
    answer = http.post("/_ecr/verify", content_type="application/json")
    assert (answer.status_code, answer.mimetype) == (200, "application/x-ndjson")
    *steps, last = map(json.loads, answer.text.splitlines())
    assert last.pop("done")
    return [_outcome(step) for step in steps if "state" in step], last


def _outcome(step: dict[str, Any]) -> tuple[str, ...]:
    return step["state"], step["kind"], step["name"], "broken" if step["is_broken"] else "well"
