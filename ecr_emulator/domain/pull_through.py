"""Pull through cache rules and the names that they cover.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field
from datetime import datetime

from ecr_emulator.domain.names import Registry, is_repository_name
from ecr_emulator.domain.prefixes import ROOT, has_prefix, precedence
from ecr_emulator.domain.service_linked_roles import PULL_THROUGH_CACHE, service_linked_role_arn
from ecr_emulator.quick_dataclasses import dataclass

REGIONS_WITHOUT_PULL_THROUGH = frozenset({"cn-north-1", "cn-northwest-1", "us-gov-east-1", "us-gov-west-1"})


@dataclass(frozen=True, slots=True)
class PullThroughRule:
    """A rule: repositories under ``prefix`` in this registry are pulled through from ``url``."""

    registry: Registry
    prefix: str
    url: str
    upstream: str
    created_at: datetime
    updated_at: datetime
    credential_arn: str | None = None
    custom_role_arn: str | None = None
    upstream_prefix: str | None = None

    @property
    def principal_arn(self) -> str:
        """The role that asks another private registry: the rule's custom role, or else the service-linked role."""
        return self.custom_role_arn or service_linked_role_arn(self.registry, PULL_THROUGH_CACHE)

    def upstream_name(self, repository_name: str) -> str | None:
        """Return the repository name at the upstream; None if the rule does not cover the name."""
        if not has_prefix(repository_name, self.prefix):
            return None
        rest = repository_name if self.prefix == ROOT else repository_name.removeprefix(f"{self.prefix}/")
        if self.upstream_prefix not in (None, ROOT):
            rest = f"{self.upstream_prefix}/{rest}"
        return rest if is_repository_name(rest) or re.fullmatch("[a-z0-9]", rest) else None


@dataclass(frozen=True, slots=True)
class CachedName:
    """A repository name with the rule by which its images are pulled through.

    Raises ``ValueError`` if the rule does not cover the name.
    """

    rule: PullThroughRule
    name: str
    upstream_name: str = field(init=False, compare=False)
    """The name of the repository at the upstream."""

    def __post_init__(self) -> None:
        upstream_name = self.rule.upstream_name(self.name)
        if upstream_name is None:
            raise ValueError(f"'{self.name}' is not below the prefix '{self.rule.prefix}'")
        object.__setattr__(self, "upstream_name", upstream_name)

    @property
    def registry(self) -> Registry:
        """The registry that the rule and the repository belong to."""
        return self.rule.registry


def find_cached_name(rules: Iterable[PullThroughRule], repository_name: str) -> CachedName | None:
    """Return a name with the rule that covers it; None if no rule does."""
    rule = matching_rule(rules, repository_name)
    return CachedName(rule, repository_name) if rule else None


def matching_rule(rules: Iterable[PullThroughRule], repository_name: str) -> PullThroughRule | None:
    """Return the rule that covers a name, or None. The longest prefix wins, and ROOT comes last."""
    covering = (rule for rule in rules if rule.upstream_name(repository_name))
    return max(covering, key=lambda rule: precedence(rule.prefix), default=None)
