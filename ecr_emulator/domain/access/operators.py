"""Names of condition operators with their prefixes (quantifiers) and their suffix (``IfExists``).

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import re
from enum import Enum

from ecr_emulator.domain.access.comparisons import COMPARISONS, Reader
from ecr_emulator.quick_dataclasses import dataclass

NULL = "Null"
"""The operator that checks whether a key is missing. It has no prefix and no suffix."""
_NAME = re.compile(r"(?:(?P<quantifier>ForAllValues|ForAnyValue):)?(?P<base>[A-Za-z]+?)(?P<optional>IfExists)?")


class Quantifier(Enum):
    """The number of a key's values in a request that must fulfil a condition: at least one, or all."""

    ANY = "ForAnyValue"
    ALL = "ForAllValues"


@dataclass(frozen=True, slots=True)
class Operator:
    """A condition operator. A negated operator is fulfilled by a value that matches none of the policy's values.

    An optional operator (``IfExists``) is fulfilled by a request that does not have the key.
    """

    read: Reader
    is_negated: bool
    quantifier: Quantifier | None
    is_optional: bool


def read_operator(name: str) -> Operator | None:
    """Return the operator with this name, except ``Null``; None if there is none."""
    parts = _NAME.fullmatch(name)
    if parts is None or parts["base"] not in COMPARISONS:
        return None
    quantifier = Quantifier(parts["quantifier"]) if parts["quantifier"] else None
    return Operator(*COMPARISONS[parts["base"]], quantifier, bool(parts["optional"]))
