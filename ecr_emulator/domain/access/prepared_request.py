"""A request that is prepared once for the comparison with all statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecr_emulator.domain.access.patterns import arn_parts
from ecr_emulator.domain.access.request import AccessRequest, Principal


class PreparedRequest:
    """A request with its action in lower case, its resource in parts, and the values of condition keys.

    ``is_bounded``: whether the principal has a permissions boundary.
    """

    __slots__ = ("_values", "action", "is_bounded", "principal", "resource")

    def __init__(self, request: AccessRequest, owner_account: str, *, is_bounded: bool) -> None:
        self.is_bounded = is_bounded
        self.principal: Principal = request.principal
        self.action: str = request.action.lower()
        self.resource: Sequence[str] = arn_parts(request.resource)
        self._values: Mapping[str, tuple[str, ...]] = {
            **_of_principal(request.principal),
            "aws:resourceaccount": (owner_account,),
            **{key.lower(): values for key, values in request.context.items()},
        }

    def values(self, key: str) -> tuple[str, ...]:
        """Return the values of a condition key (in lower case); empty if the request does not have the key."""
        return self._values.get(key, ())

    def value(self, key: str) -> str | None:
        """Return the value of a policy variable; None unless its key has exactly one value."""
        values = self._values.get(key.lower(), ())
        return values[0] if len(values) == 1 else None


def _of_principal(principal: Principal) -> dict[str, tuple[str, ...]]:
    """Return the condition keys that follow from the principal."""
    if principal.account is None:
        return {"aws:principalisawsservice": ("true",), "aws:principalservicename": (principal.arn,)}
    return {
        **({"aws:userid": (principal.account,)} if principal.is_root else {}),
        "aws:principalisawsservice": ("false",),
        "aws:principalarn": (principal.role_arn or principal.arn,),
        "aws:principalaccount": (principal.account,),
        "aws:principaltype": (principal.kind or "",),
    }
