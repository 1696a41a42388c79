"""A session of STS: temporary keys, the principal that they belong to, and the limits of its permissions.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from ecr_emulator.quick_dataclasses import dataclass

Context = dict[str, tuple[str, ...]]
"""Values of condition keys."""


@dataclass(frozen=True)
class SessionAttributes:
    """The attributes of a session that conditions can name; a session that it begins inherits some.

    ``transitive`` are the tags that are passed on through a chain of roles.
    """

    with_mfa: bool = False
    provider: str | None = None
    source_identity: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SessionPolicies:
    """The policies that limit a session: the text of one, and the ARNs of managed ones."""

    inline: str | None = None
    arns: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.inline or self.arns)


@dataclass(frozen=True)
class Session:
    """A session that STS has issued. ``issued`` and ``ends`` are times of the emulator's clock.

    ``arn`` is that of the principal: a session of a role, a federated user, or the user or root that asked for a
    session token. ``owner`` is the ARN of the role, user or root whose permissions the session has.
    """

    access_key: str
    secret: str
    token: str
    account: str
    partition: str
    arn: str
    user_id: str
    owner: str
    issued: datetime
    ends: datetime
    policies: SessionPolicies = SessionPolicies()
    attributes: SessionAttributes = SessionAttributes()

    @property
    def is_federated(self) -> bool:
        """Whether the principal is a federated user of GetFederationToken."""
        return ":federated-user/" in self.arn

    def context(self, now: datetime) -> Context:
        """Return the values of condition keys."""
        of_session = self.attributes
        known = {
            "aws:userid": self.user_id,
            "aws:MultiFactorAuthAge": str(int((now - self.issued).total_seconds())) if of_session.with_mfa else None,
            "aws:FederatedProvider": of_session.provider,
            "aws:SourceIdentity": of_session.source_identity,
            **{f"aws:PrincipalTag/{key}": value for key, value in of_session.tags.items()},
        }
        return begun(self.issued, with_mfa=of_session.with_mfa) | {
            key: (value,) for key, value in known.items() if value is not None
        }


def begun(issued: datetime, *, with_mfa: bool = False) -> Context:
    """Return the values of the condition keys that every session has."""
    return {
        "aws:TokenIssueTime": (issued.isoformat(),),
        "aws:MultiFactorAuthPresent": ("true" if with_mfa else "false",),
    }
