"""The part of the grammar of policy documents that ECR accepts. The checks take any JSON value.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from ecr_emulator.domain.access.operators import NULL, read_operator

VERSIONS = ("2008-10-17", "2012-10-17")
"""Versions of the policy language. The first is the default; only the second has variables."""
EFFECTS = ("Allow", "Deny")
MEMBERS = ("Version", "Id", "Statement")
"""Members of a policy in the order in which ECR prints them."""
_NEGATABLE = ("Principal", "Action", "Resource")
ELEMENTS = ("Sid", "Effect", *(element for name in _NEGATABLE for element in (name, f"Not{name}")), "Condition")
"""Elements of a statement in the order in which ECR prints them."""

_ACTION = re.compile(r"\*|ecr:[a-z*?]+", re.ASCII | re.IGNORECASE)
_RESOURCE = re.compile(r"\*|arn:(?:aws[a-z-]*|\*):ecr:[a-z0-9*?-]+:[0-9*?]+:(?:repository/\S+|\*)", re.ASCII)
_PRINCIPALS = {
    # "*", an account, the unique id of a deleted principal, or an ARN.
    "AWS": re.compile(
        r"\*|[0-9]{12}|A[A-Z]{3}[A-Z0-9]{12,124}"
        r"|arn:aws[a-z-]*:iam::[0-9]{12}:(?:root|(?:user|role)/[\w+=,.@/-]+)"
        r"|arn:aws[a-z-]*:sts::[0-9]{12}:(?:assumed-role/[\w+=,.@-]+|federated-user)/[\w+=,.@-]+",
        re.ASCII,
    ),
    "Service": re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.ASCII),
    "Federated": re.compile(
        r"[a-z0-9-]+(?:\.[a-z0-9-]+)+|arn:aws[a-z-]*:iam::[0-9]{12}:(?:saml|oidc)-provider/\S+", re.ASCII
    ),
}
_CONDITION_KEY = re.compile(r"[^:\s]+:.+")


def is_policy(document: Any, *, names_resources: bool) -> bool:
    """Whether a document is a resource policy of ECR. ``names_resources`` says whether statements have a Resource."""
    return (
        isinstance(document, dict)
        and document.keys() <= set(MEMBERS)
        and document.get("Version", VERSIONS[0]) in VERSIONS
        and isinstance(document.get("Id", ""), str)
        and _are(document.get("Statement"), lambda statement: _is_statement(statement, names_resources))
    )


def parse_policy(text: str) -> Any:
    """Parse the JSON text of a policy. Raises ``ValueError``, or ``RecursionError`` if it is nested too deeply."""
    return json.loads(text, object_pairs_hook=_unambiguous)


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key comes twice")
    return members


def many(value: Any) -> list[Any]:
    """Return a list: policies write a single value also without a list."""
    return value if isinstance(value, list) else [value]


def _is_statement(statement: Any, names_resources: bool) -> bool:
    return (
        isinstance(statement, dict)
        and statement.keys() <= set(ELEMENTS)
        and isinstance(statement.get("Sid", ""), str)
        and statement.get("Effect") in EFFECTS
        and _has(statement, "Principal", _is_principal)
        and _has(statement, "Action", _of(_ACTION))
        and (_has(statement, "Resource", _of(_RESOURCE)) if names_resources else not _given(statement, "Resource"))
        and _is_condition(statement.get("Condition", {}))
    )


def _has(statement: dict[str, Any], name: str, is_valid: Callable[[Any], bool]) -> bool:
    """Whether a statement has exactly one of an element and its negation (``Not…``), and its value is valid."""
    given = _given(statement, name)
    return len(given) == 1 and is_valid(given[0])


def _given(statement: dict[str, Any], name: str) -> list[Any]:
    return [statement[each] for each in (name, f"Not{name}") if each in statement]


def _is_principal(principal: Any) -> bool:
    if not isinstance(principal, dict):
        return bool(principal == "*")
    return bool(principal) and all(
        kind in _PRINCIPALS and _of(_PRINCIPALS[kind])(names) for kind, names in principal.items()
    )


def _is_condition(condition: Any) -> bool:
    return isinstance(condition, dict) and all(
        _is_operator(operator) and isinstance(keys, dict) and all(map(_is_comparison, keys.items()))
        for operator, keys in condition.items()
    )


def _is_operator(name: str) -> bool:
    return name == NULL or read_operator(name) is not None


def _is_comparison(comparison: tuple[str, Any]) -> bool:
    key, values = comparison
    return _CONDITION_KEY.fullmatch(key) is not None and all(
        isinstance(value, str | bool | int | float) for value in many(values)
    )


def _of(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda names: _are(names, lambda name: isinstance(name, str) and pattern.fullmatch(name) is not None)


def _are(values: Any, is_valid: Callable[[Any], bool]) -> bool:
    """Whether a single value, or each value of a non-empty list, is valid."""
    return bool(many(values)) and all(map(is_valid, many(values)))
