"""Who makes a request."""

from __future__ import annotations

from dataclasses import dataclass

from ecr_emulator.domain.names import Registry


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal behind a request and the registry it speaks to by default."""

    registry: Registry
    principal_arn: str
