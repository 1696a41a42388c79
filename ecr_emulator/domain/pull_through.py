"""Pull through cache rules: which rule a name falls under, and when a cached tag is stale.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ecr_emulator.domain.names import Registry, is_repository_name
from ecr_emulator.domain.prefixes import ROOT, has_prefix, precedence
from ecr_emulator.domain.service_linked_roles import PULL_THROUGH_CACHE, service_linked_role_arn

REVALIDATE_AFTER = timedelta(hours=24)
"""How long a cached tag is served without asking its upstream."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When a tag was validated that was pushed here and never seen upstream."""
REGIONS_WITHOUT_PULL_THROUGH = frozenset({"cn-north-1", "cn-northwest-1", "us-gov-east-1", "us-gov-west-1"})


@dataclass(frozen=True, slots=True)
class PullThroughRule:
    """Names under ``prefix`` of this registry are pulled through from ``url``."""

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
        """As whom the registry asks another private registry: the role of the rule, or its own service-linked one."""
        return self.custom_role_arn or service_linked_role_arn(self.registry, PULL_THROUGH_CACHE)

    def upstream_name(self, repository_name: str) -> str | None:
        """What the upstream calls this repository; None if the rule does not cover the name."""
        if not has_prefix(repository_name, self.prefix):
            return None
        rest = repository_name if self.prefix == ROOT else repository_name.removeprefix(f"{self.prefix}/")
        if self.upstream_prefix not in (None, ROOT):
            rest = f"{self.upstream_prefix}/{rest}"
        return rest if is_repository_name(rest) or re.fullmatch("[a-z0-9]", rest) else None


def matching_rule(rules: Iterable[PullThroughRule], repository_name: str) -> PullThroughRule | None:
    """The rule that a name falls under: the longest prefix wins, ROOT comes last."""
    covering = (rule for rule in rules if rule.upstream_name(repository_name))
    return max(covering, key=lambda rule: precedence(rule.prefix), default=None)


@dataclass(frozen=True, slots=True)
class Validation:
    """When a cached tag was last known to be what the upstream has, and what came of asking since.

    ``validated_at`` is the last success. ``attempted_at`` and ``failures`` describe the attempts after it.
    """

    validated_at: datetime
    attempted_at: datetime | None = None
    failures: int = 0
    last_error: str | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether the upstream must be asked before this tag is served again.

        After a failed attempt the next one waits: a minute, then twice as long each time, at most an hour.
        """
        if now - self.validated_at < REVALIDATE_AFTER:
            return False
        if self.attempted_at is None or self.failures == 0:
            return True
        pause = timedelta(minutes=min(2 ** (self.failures - 1), 60))
        return now - self.attempted_at >= pause

    def failed(self, reason: str, now: datetime) -> Validation:
        """The same after another attempt that failed."""
        return replace(self, attempted_at=now, failures=self.failures + 1, last_error=reason)
