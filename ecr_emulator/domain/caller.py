"""Who makes a request."""

from __future__ import annotations

from dataclasses import dataclass

from ecr_emulator.domain.names import Registry


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal behind a request and the registry it speaks to by default.

    ``session_key`` is the access key of a session: two sessions may bear one ARN and have different policies.
    """

    registry: Registry
    principal_arn: str
    session_key: str | None = None

    @classmethod
    def root_of(cls, registry: Registry) -> Caller:
        """The account of a registry itself."""
        return cls(registry, f"arn:{registry.partition}:iam::{registry.id}:root")
