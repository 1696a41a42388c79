"""The text in which ECR gives a policy back: not the one that was sent, but the same policy printed anew."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ecr_emulator.domain.policy_grammar import ELEMENTS, MEMBERS, VERSIONS, many


def in_order(document: dict[str, Any]) -> dict[str, Any]:
    """A policy with its members and elements in ECR's order, a version, and one value in place of a list of one.

    Statements stay a list, also where there is only one.
    """
    statements = [_ordered(_unwrapped(statement), ELEMENTS) for statement in many(document["Statement"])]
    return _ordered({"Version": VERSIONS[0], **document, "Statement": statements}, MEMBERS)


def printed(value: Any, indent: str = "") -> str:
    """JSON in the layout of Jackson's default pretty printer. Raises ``ValueError`` for a number that is none."""
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
    """A value in which every list of one, however deep, is the value that it holds."""
    if isinstance(value, dict):
        return {name: _unwrapped(each) for name, each in value.items()}
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    return value
