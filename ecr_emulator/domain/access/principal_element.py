"""The Principal element of a statement and the principals that it names.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from ecr_emulator.domain.access.request import Principal
from ecr_emulator.domain.names import is_account_id
from ecr_emulator.domain.policy_grammar import many
from ecr_emulator.domain.principals import account_of, is_session_of
from ecr_emulator.quick_dataclasses import dataclass


class Reach(IntEnum):
    """The way in which a statement names a principal. The effect of an Allow depends on it."""

    NONE = 0
    ACCOUNT = 1
    """By its account. Identity-based policies of the account must also allow the request."""
    ISSUER = 2
    """By the role of its session, or by the user that issued the session of a federated user."""
    DIRECT = 3
    """By its own name, or as one of everybody (``*``)."""


@dataclass(frozen=True, slots=True)
class PrincipalElement:
    """The principals that an element names."""

    everybody: bool = False
    accounts: frozenset[str] = frozenset()
    arns: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()

    @classmethod
    def read(cls, principal: Any) -> PrincipalElement:
        """Parse a Principal or NotPrincipal element. Raises ``ValueError`` with the reason."""
        if principal == "*":
            return cls(everybody=True)
        if not isinstance(principal, dict) or not principal:
            raise ValueError("its Principal is neither '*' nor an object")
        names = {kind: many(given) for kind, given in principal.items()}
        if not all(isinstance(name, str) for given in names.values() for name in given):
            raise ValueError("its Principal has a name that is no text")
        aws = names.get("AWS", [])
        accounts = {name if is_account_id(name) else _account_of_root(name) for name in aws}
        return cls("*" in aws, frozenset(filter(None, accounts)), frozenset(aws), frozenset(names.get("Service", [])))

    def reach(self, principal: Principal) -> Reach:
        """Return the most direct way in which the element names a principal."""
        if self.everybody or principal.arn in (self.services if principal.account is None else self.arns):
            return Reach.DIRECT
        if any(_is_issuer_of(principal, arn) for arn in self.arns):
            return Reach.ISSUER
        return Reach.ACCOUNT if principal.account in self.accounts else Reach.NONE

    def mean_all_of(self, principal: Principal) -> bool:
        """Whether the element names a principal itself, the issuer of its session (if any), and its account."""
        if self.everybody or principal.account is None:
            return self.reach(principal) is Reach.DIRECT
        has_itself = principal.is_root or principal.arn in self.arns
        is_session = principal.role_arn is not None or principal.user_arn is not None
        has_issuer = not is_session or any(_is_issuer_of(principal, arn) for arn in self.arns)
        return has_itself and has_issuer and principal.account in self.accounts


def _account_of_root(arn: str) -> str | None:
    return account_of(arn) if arn.endswith(":root") else None


def _is_issuer_of(principal: Principal, arn: str) -> bool:
    if principal.role_arn is not None:
        return is_session_of(principal.arn, arn)
    return principal.user_arn is not None and principal.user_arn == arn
