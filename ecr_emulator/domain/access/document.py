"""Parsing of policies into statements.

It accepts all policies that IAM accepts. ECR accepts fewer as policies of repositories and registries: see
``domain.policy_grammar``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ecr_emulator.domain.access.conditions import read_conditions
from ecr_emulator.domain.access.principal_element import PrincipalElement
from ecr_emulator.domain.access.statements import Actions, Principals, Resources, Statement
from ecr_emulator.domain.policy_grammar import EFFECTS, ELEMENTS, MEMBERS, VERSIONS, many, parse_policy
from ecr_emulator.quick_dataclasses import dataclass

_KEPT = 512
_OF_IDENTITIES = tuple(element for element in ELEMENTS if element not in ("Principal", "NotPrincipal"))


@dataclass(frozen=True, slots=True)
class Document:
    """The statements of a policy. A policy that cannot be parsed has none, and the reason in ``defect``."""

    allows: tuple[Statement, ...] = ()
    denies: tuple[Statement, ...] = ()
    defect: str = ""


@lru_cache(maxsize=_KEPT)
def read_document(text: str, *, names_principals: bool) -> Document:
    """Parse a policy. Policies of resources name principals; policies of identities do not."""
    try:
        document = parse_policy(text)
        statements = _statements(document, names_principals)
    except (ValueError, RecursionError) as wrong:
        return Document(defect=str(wrong))
    return Document(
        allows=tuple(each for each in statements if each.is_allow),
        denies=tuple(each for each in statements if not each.is_allow),
    )


def _statements(document: Any, names_principals: bool) -> list[Statement]:
    _expect(isinstance(document, dict), "it is not an object")
    _expect_known(document, MEMBERS)
    version = document.get("Version", VERSIONS[0])
    _expect(version in VERSIONS, f"Version {version!r} is not {' or '.join(VERSIONS)}")
    statements = many(document.get("Statement"))
    _expect(bool(statements) and all(isinstance(each, dict) for each in statements), "it has no Statement")
    has_variables = version != VERSIONS[0]
    return [
        _statement(each, number, has_variables, names_principals) for number, each in enumerate(statements, start=1)
    ]


def _statement(given: dict[str, Any], number: int, has_variables: bool, names_principals: bool) -> Statement:
    sid = given.get("Sid", "")
    label = f"statement {sid!r}" if sid else f"statement {number}"
    try:
        _expect(isinstance(sid, str), "its Sid is not text")
        _expect_known(given, ELEMENTS if names_principals else _OF_IDENTITIES)
        _expect(given.get("Effect") in EFFECTS, "its Effect is neither Allow nor Deny")
        return Statement(
            label,
            given["Effect"] == "Allow",
            Actions.read(*_patterns(given, "Action")),
            _resources(given, has_variables, is_required=not names_principals),
            _principals(given) if names_principals else None,
            read_conditions(given.get("Condition", {}), variables=has_variables),
        )
    except ValueError as wrong:
        raise ValueError(f"{label}: {wrong}") from None


def _resources(given: dict[str, Any], has_variables: bool, *, is_required: bool) -> Resources | None:
    if not (is_required or "Resource" in given or "NotResource" in given):
        return None
    return Resources.read(*_patterns(given, "Resource"), variables=has_variables)


def _principals(given: dict[str, Any]) -> Principals:
    principal, excludes = _element(given, "Principal")
    return Principals(PrincipalElement.read(principal), excludes)


def _patterns(given: dict[str, Any], name: str) -> tuple[list[str], bool]:
    value, excludes = _element(given, name)
    patterns = many(value)
    _expect(
        bool(patterns) and all(isinstance(each, str) for each in patterns), f"its {name} is not text or a list of it"
    )
    return patterns, excludes


def _element(given: dict[str, Any], name: str) -> tuple[Any, bool]:
    """Return the value of an element or of its negation (``Not…``), and whether it is the negation."""
    found = [(given[each], each != name) for each in (name, f"Not{name}") if each in given]
    _expect(len(found) == 1, f"it needs either {name} or Not{name}")
    return found[0]


def _expect_known(given: dict[str, Any], names: tuple[str, ...]) -> None:
    unknown = sorted(given.keys() - set(names))
    _expect(not unknown, f"{', '.join(map(repr, unknown))} does not belong there")


def _expect(is_right: bool, complaint: str) -> None:
    if not is_right:
        raise ValueError(complaint)
