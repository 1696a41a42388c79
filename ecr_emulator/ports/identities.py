"""The ports of IAM and STS."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from ecr_emulator.domain.access.policies import Policies
from ecr_emulator.domain.access.request import Principal
from ecr_emulator.domain.caller import Caller


class AccessKey(NamedTuple):
    """An access key, its secret, and the principal that it speaks for.

    ``session_token`` and ``expires_at``, by the emulator's clock, are those of a session; a user's key has neither.
    """

    account: str
    principal_arn: str
    secret: str
    session_token: str | None = None
    expires_at: datetime | None = None


class Identity(NamedTuple):
    """A principal, the policies that IAM keeps for it, and what IAM knows of it, as values of condition keys.

    ``trust`` is the document that says who may act in the role behind it; None if there is none.
    """

    principal: Principal
    policies: Policies = Policies()
    context: Mapping[str, tuple[str, ...]] = {}
    trust: str | None = None


class Identities(Protocol):
    """IAM and STS, as far as ECR asks them who somebody is."""

    def find_key(self, access_key: str) -> AccessKey | None:
        """An active access key that they gave out, or None."""

    def identity_of(self, caller: Caller) -> Identity:
        """The principal behind a caller, as it is now; one that is gone has no policies."""

    def identity_in_role(self, role_arn: str) -> Identity:
        """ECR itself in a role, as the role is now; in one that is not there it has no policies."""


class Roles(Protocol):
    """IAM, as far as ECR acts in it by itself."""

    def has_service_linked_role(self, account: str, service: str) -> bool:
        """Whether an account has the service-linked role of a service principal."""

    def ensure_service_linked_role(self, account: str, service: str) -> None:
        """Create the service-linked role of a service principal unless the account has it."""
