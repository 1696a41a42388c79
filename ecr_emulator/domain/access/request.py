"""A request for access: the principal, the action, the resource and the context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from ecr_emulator.domain.principals import account_of, role_of_session
from ecr_emulator.quick_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """The principal that makes a request.

    ``arn`` is the ARN of a user, an account's root, a session of an assumed role, or a federated user; for an AWS
    service it is the name that policies use. ``role_arn`` is the role of a session, with its path. ``user_arn`` is the
    user that issued the session of a federated user. ``account`` is None for a service.
    """

    arn: str
    account: str | None
    role_arn: str | None = None
    user_arn: str | None = None

    @classmethod
    def of_arn(cls, arn: str, role_arn: str | None = None) -> Principal:
        """Return the principal with this ARN. Without ``role_arn``, a session's role is assumed to have no path."""
        return cls(arn, account_of(arn), role_arn or role_of_session(arn))

    @classmethod
    def of_service(cls, name: str) -> Principal:
        """Return the principal of an AWS service, such as ``pullthroughcache.ecr.amazonaws.com``."""
        return cls(name, None)

    @property
    def is_root(self) -> bool:
        """Whether the principal is the root user of an account."""
        return self.account is not None and self.arn.split(":", 5)[-1] == "root"

    @property
    def kind(self) -> str | None:
        """The value of ``aws:PrincipalType``; None for a service."""
        if self.account is None:
            return None
        if self.is_root:
            return "Account"
        if ":assumed-role/" in self.arn:
            return "AssumedRole"
        return "FederatedUser" if ":federated-user/" in self.arn else "User"


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A request for access.

    ``action`` is an IAM action (``ecr:BatchGetImage``), ``resource`` an ARN, or ``*`` for an action without a resource.
    ``context`` has the values of condition keys by name, in any case; a key without values counts as missing.
    ``docs/condition-keys.md`` lists these keys and the keys that follow from the other fields.
    """

    principal: Principal
    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
