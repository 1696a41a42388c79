"""The ports of IAM and STS."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from ecr_emulator.domain.access.policies import Policies
from ecr_emulator.domain.access.request import Principal
from ecr_emulator.domain.caller import Caller


class AccessKey(NamedTuple):
    """An access key, its secret, and the principal that it belongs to.

    Keys of sessions have a ``session_token`` and ``expires_at`` (by the emulator's clock); keys of users have neither.
    """

    account: str
    principal_arn: str
    secret: str
    session_token: str | None = None
    expires_at: datetime | None = None


class Identity(NamedTuple):
    """A principal, its policies in IAM, and its attributes in IAM as values of condition keys (``context``).

    ``trust`` is the trust policy of the principal's role; None if there is none.
    """

    principal: Principal
    policies: Policies = Policies()
    context: Mapping[str, tuple[str, ...]] = {}
    trust: str | None = None


class Identities(Protocol):
    """IAM and STS, as far as they identify callers to ECR."""

    def find_key(self, access_key: str) -> AccessKey | None:
        """Return an active access key that IAM or STS issued, or None."""

    def identity_of(self, caller: Caller) -> Identity:
        """Return the current identity of a caller. A principal that no longer exists has no policies."""

    def identity_in_role(self, role_arn: str) -> Identity:
        """Return the identity that ECR has when it assumes a role now. For a missing role it has no policies."""


class Roles(Protocol):
    """The service-linked roles that ECR creates in IAM."""

    def has_service_linked_role(self, account: str, service: str) -> bool:
        """Return whether an account has the service-linked role of a service principal."""

    def ensure_service_linked_role(self, account: str, service: str) -> None:
        """Create the service-linked role of a service principal unless the account has it."""
