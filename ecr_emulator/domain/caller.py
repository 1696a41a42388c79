"""The caller of a request."""

from __future__ import annotations

from ecr_emulator.domain.names import Registry
from ecr_emulator.quick_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal that makes a request, and its default registry.

    ``session_key`` is the access key of a session, because two sessions can have the same ARN and different policies.
    """

    registry: Registry
    principal_arn: str
    session_key: str | None = None

    @classmethod
    def root_of(cls, registry: Registry) -> Caller:
        """Return the root user of a registry's account as the caller."""
        return cls(registry, f"arn:{registry.partition}:iam::{registry.id}:root")
