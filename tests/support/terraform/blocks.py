"""Blocks of configurations, and the members of requests and answers that belong to them."""

from __future__ import annotations

import json
from typing import Any


def given(member: str, value: Any) -> dict[str, Any]:
    """Return a member of a request; nothing for a zero value, which the SDK of Go does not send."""
    return {member: value} if value else {}


def block(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a block that occurs once."""
    return [attributes]


def filters_of(blocks: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the filters of a request."""
    return [{"filter": each["filter"], "filterType": each["filter_type"]} for each in blocks]


def flattened_filters(filters: list[dict[str, str]] | None) -> list[dict[str, str]]:
    """Return the blocks for the filters in an answer."""
    return [{"filter": each["filter"], "filter_type": each["filterType"]} for each in filters or ()]


def normalized(document: str) -> str:
    """Return a document of JSON as the provider sends and keeps it: without white space, with sorted members."""
    return json.dumps(json.loads(document), separators=(",", ":"), sort_keys=True) if document else ""
