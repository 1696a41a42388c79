"""Names of condition operators, with what can stand before and behind them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from ecr_emulator.domain.access.comparisons import COMPARISONS, Reader

NULL = "Null"
"""The operator that asks whether a key is missing; it stands alone."""
_NAME = re.compile(r"(?:(?P<quantifier>ForAllValues|ForAnyValue):)?(?P<base>[A-Za-z]+?)(?P<optional>IfExists)?")


class Quantifier(Enum):
    """How many of the values that a request has for a key must fulfil a condition."""

    ANY = "ForAnyValue"
    ALL = "ForAllValues"


@dataclass(frozen=True, slots=True)
class Operator:
    """How values are compared. A negated one is fulfilled by what compares to none of the policy's values.

    One that is optional (``IfExists``) is fulfilled by a request that does not have the key.
    """

    read: Reader
    is_negated: bool
    quantifier: Quantifier | None
    is_optional: bool


def read_operator(name: str) -> Operator | None:
    """The operator of this name, other than ``Null``; None if there is none."""
    parts = _NAME.fullmatch(name)
    if parts is None or parts["base"] not in COMPARISONS:
        return None
    quantifier = Quantifier(parts["quantifier"]) if parts["quantifier"] else None
    return Operator(*COMPARISONS[parts["base"]], quantifier, bool(parts["optional"]))
