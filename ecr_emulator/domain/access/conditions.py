"""Conditions of statements, including their results for missing keys and for keys with many values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ecr_emulator.domain.access.comparisons import Comparison, truth
from ecr_emulator.domain.access.operators import NULL, Operator, Quantifier, read_operator
from ecr_emulator.domain.access.prepared_request import PreparedRequest
from ecr_emulator.domain.policy_grammar import many
from ecr_emulator.quick_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key, with a comparison for each value in the policy."""

    key: str
    operator: Operator
    comparisons: tuple[Comparison, ...]

    def holds(self, request: PreparedRequest) -> bool:
        """Whether a request fulfils the condition.

        Without a quantifier, one matching value of a key with many values fulfils the condition, or breaks a negated
        one.
        """
        values = request.values(self.key)
        if not values:
            return self._holds_without_values()
        compare = (self._compares(value, request) for value in values)
        is_negated = self.operator.is_negated
        match self.operator.quantifier:
            case Quantifier.ALL:
                return all(each is not is_negated for each in compare)
            case Quantifier.ANY:
                return any(each is not is_negated for each in compare)
        return any(compare) is not is_negated

    def _holds_without_values(self) -> bool:
        operator = self.operator
        if operator.is_optional or operator.quantifier is Quantifier.ALL:
            return True
        return operator.is_negated and operator.quantifier is None

    def _compares(self, value: str, request: PreparedRequest) -> bool:
        return any(comparison(value, request.value) for comparison in self.comparisons)


@dataclass(frozen=True, slots=True)
class Presence:
    """``Null`` on one key: the key must be missing (true) or present (false)."""

    key: str
    missing: frozenset[bool]

    def holds(self, request: PreparedRequest) -> bool:
        """Whether a request fulfils the condition."""
        return (not request.values(self.key)) in self.missing


def read_conditions(block: Any, *, variables: bool) -> tuple[Condition | Presence, ...]:
    """Parse the conditions of a statement, all of which must hold. Raises ``ValueError`` with the reason."""
    return tuple(
        _read(name, key.lower(), [_text(value) for value in many(values)], variables)
        for name, keys in _members(block, "its Condition")
        for key, values in _members(keys, f"its condition {name}")
    )


def _read(name: str, key: str, values: list[str], variables: bool) -> Condition | Presence:
    if name == NULL:
        return Presence(key, frozenset(map(truth, values)))
    operator = read_operator(name)
    if operator is None:
        raise ValueError(f"{name!r} is not a condition operator")
    return Condition(key, operator, tuple(operator.read(value, variables) for value in values))


def _members(block: Any, what: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(block, dict):
        raise ValueError(f"{what} is not an object")
    yield from block.items()


def _text(value: Any) -> str:
    """Return a value of a policy as text for comparisons."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError("its Condition has a value that is neither text nor number nor truth value")
