"""The text that ECR returns for a policy. It is not the text that was sent; ECR prints the parsed policy."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ecr_emulator.domain.policy_grammar import ELEMENTS, MEMBERS, VERSIONS, many


def in_order(document: dict[str, Any]) -> dict[str, Any]:
    """Return a policy in ECR's order of members and elements, with a version, and lists of one value unwrapped.

    ``Statement`` stays a list even if it has only one statement.
    """
    statements = [_ordered(_unwrapped(statement), ELEMENTS) for statement in many(document["Statement"])]
    return _ordered({"Version": VERSIONS[0], **document, "Statement": statements}, MEMBERS)


def printed(value: Any, indent: str = "") -> str:
    """Return JSON in the layout of Jackson's default pretty printer. Raises ``ValueError`` for NaN and infinities."""
    inner = f"{indent}  "
    if isinstance(value, dict):
        members = ",\n".join(f"{inner}{printed(key)} : {printed(each, inner)}" for key, each in value.items())
        return f"{{\n{members}\n{indent}}}" if members else "{ }"
    if isinstance(value, list):
        values = ", ".join(printed(each, indent) for each in value)
        return f"[ {values} ]" if values else "[ ]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _ordered(members: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: members[name] for name in names if name in members}


def _unwrapped(value: Any) -> Any:
    """Return a value with every list of one replaced by its element, at any depth of objects."""
    if isinstance(value, dict):
        return {name: _unwrapped(each) for name, each in value.items()}
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    return value
