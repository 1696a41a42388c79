"""One request, as policies see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ecr_emulator.domain.principals import account_of, role_of_session


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request.

    ``arn`` is what AWS prints: the ARN of a user, of an account's root, of the session of an assumed role or of a
    federated user; for an AWS service the name that stands in policies. ``role_arn`` is the role behind a session,
    with its path. ``account`` is None for a service.
    """

    arn: str
    account: str | None
    role_arn: str | None = None

    @classmethod
    def of_arn(cls, arn: str, role_arn: str | None = None) -> Principal:
        """The principal with this ARN. Without ``role_arn``, the role of a session is taken to have no path."""
        return cls(arn, account_of(arn), role_arn or role_of_session(arn))

    @classmethod
    def of_service(cls, name: str) -> Principal:
        """An AWS service that acts for itself, such as ``pullthroughcache.ecr.amazonaws.com``."""
        return cls(name, None)

    @property
    def is_root(self) -> bool:
        """Whether this is an account itself."""
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
    """What a principal wants to do.

    ``action`` is an action of IAM (``ecr:BatchGetImage``), ``resource`` an ARN, or ``*`` for an action that has no
    resource. ``context`` has the values of condition keys, by name in any case; a key without values counts as
    missing. ``docs/condition-keys.md`` lists the keys, and those that follow from the rest of a request.
    """

    principal: Principal
    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
