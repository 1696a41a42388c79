"""A repository and what it says about its tags."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.wildcards import matches


@dataclass(frozen=True, slots=True)
class TagMutability:
    """Whether pushed tags may move, with wildcard filters for the tags that are treated the other way.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
    """

    mode: str = "MUTABLE"
    exclusion_filters: tuple[str, ...] = ()

    def locks(self, tag: str) -> bool:
        """Whether this tag, once it exists, must stay where it is."""
        excluded = any(matches(pattern, tag) for pattern in self.exclusion_filters)
        return excluded != self.mode.startswith("IMMUTABLE")


@dataclass(frozen=True, slots=True)
class Encryption:
    """How a repository is encrypted at rest; fixed for its life. ``kms_key`` is a key ARN, for KMS types only."""

    type: str = "AES256"
    kms_key: str | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of one registry. ``key`` is the storage's own handle, 0 until it is stored."""

    registry: Registry
    name: str
    created_at: datetime
    mutability: TagMutability = TagMutability()
    encryption: Encryption = Encryption()
    scan_on_push: bool = False
    policy: str | None = None
    lifecycle_policy: str | None = None
    resource_tags: dict[str, str] = field(default_factory=dict)
    lifecycle_evaluated_at: datetime | None = None
    key: int = 0

    @property
    def arn(self) -> str:
        """The repository's ARN."""
        return self.registry.arn(self.name)

    @property
    def identity(self) -> dict[str, str]:
        """The two facts that nearly every error sentence names."""
        return {"repository_name": self.name, "registry_id": self.registry.id}
