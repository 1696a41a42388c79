"""A repository and its settings."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.wildcards import matches
from ecr_emulator.quick_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TagMutability:
    """The tag mutability of a repository, with wildcard filters for the tags to which the opposite applies.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
    """

    mode: str = "MUTABLE"
    exclusion_filters: tuple[str, ...] = ()

    def locks(self, tag: str) -> bool:
        """Whether an existing tag must not be moved to another image."""
        excluded = any(matches(pattern, tag) for pattern in self.exclusion_filters)
        return excluded != self.mode.startswith("IMMUTABLE")


@dataclass(frozen=True, slots=True)
class Encryption:
    """The encryption of a repository, which never changes. ``kms_key`` is a key ARN, for KMS types only."""

    type: str = "AES256"
    kms_key: str | None = None

    @property
    def has_key(self) -> bool:
        """Whether a key of KMS encrypts the repository: its own, or the one that AWS manages for ECR."""
        return self.type != "AES256"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of a registry. ``key`` is the key of the storage, 0 until the repository is stored."""

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
        """The name and registry id, which most error sentences contain."""
        return {"repository_name": self.name, "registry_id": self.registry.id}
