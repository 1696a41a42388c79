"""Checks of event patterns that moto does not make: moto lets every event match a match type that it does not know.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

from typing import Any

MATCH_TYPES = frozenset(
    ("anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard")
)
_OR = "$or"


class InvalidPattern(Exception):
    """An event pattern that EventBridge refuses. The text is its reason."""


def check_pattern(pattern: dict[str, Any]) -> None:
    """Raise ``InvalidPattern`` if a part of a pattern, as moto has parsed it, is no expression of EventBridge."""
    for name, value in pattern.items():
        if isinstance(value, dict):
            check_pattern(value)
            continue
        for each in value:
            if isinstance(each, dict):
                check_pattern(each) if name == _OR else _check_expression(each)


def _check_expression(expression: dict[str, Any]) -> None:
    if len(expression) != 1:
        raise InvalidPattern("Only one key allowed in match expression")
    (match_type,) = expression
    if match_type not in MATCH_TYPES:
        raise InvalidPattern(f"Unrecognized match type {match_type}")
