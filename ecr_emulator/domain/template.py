"""Repository creation templates: the settings of repositories that ECR creates by itself.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from datetime import datetime

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.prefixes import has_prefix, precedence
from ecr_emulator.domain.repository import Encryption, Repository, TagMutability
from ecr_emulator.quick_dataclasses import dataclass

PULL_THROUGH_CACHE = "PULL_THROUGH_CACHE"
CREATE_ON_PUSH = "CREATE_ON_PUSH"
REPLICATION = "REPLICATION"


@dataclass(frozen=True, slots=True)
class CreationTemplate:
    """Settings for repositories under ``prefix`` that ECR creates for one of the reasons in ``applied_for``."""

    registry: Registry
    prefix: str
    applied_for: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    encryption: Encryption = Encryption()
    mutability: TagMutability = TagMutability()
    repository_policy: str | None = None
    lifecycle_policy: str | None = None
    resource_tags: dict[str, str] = field(default_factory=dict)
    custom_role_arn: str | None = None

    @property
    def needs_role(self) -> bool:
        """Whether ECR needs the custom role to create repositories: for resource tags and KMS keys."""
        return bool(self.resource_tags) or self.encryption.has_key

    @property
    def lacks_role(self) -> bool:
        """Whether the template lacks the custom role that ECR needs."""
        return self.custom_role_arn is None and self.needs_role

    def repository(self, registry: Registry, name: str, now: datetime) -> Repository:
        """Return a new repository with the settings of this template."""
        return Repository(
            registry=registry,
            name=name,
            created_at=now,
            mutability=self.mutability,
            encryption=self.encryption,
            policy=self.repository_policy,
            lifecycle_policy=self.lifecycle_policy,
            resource_tags=dict(self.resource_tags),
        )


def matching_template(
    templates: Iterable[CreationTemplate], repository_name: str, reason: str
) -> CreationTemplate | None:
    """Return the template for this reason with the longest matching prefix, then ROOT; None if there is none."""
    candidates = (
        template
        for template in templates
        if reason in template.applied_for and has_prefix(repository_name, template.prefix)
    )
    return max(candidates, key=lambda template: precedence(template.prefix), default=None)
