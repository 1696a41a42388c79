"""Pull through cache rules: which upstreams ECR knows, which rule a name falls under, when a tag is stale.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
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
class UpstreamKind:
    """A kind of registry that can be pulled through, by the name that the API gives it.

    The name is empty for registries that ECR does not take and the operator allows.
    """

    name: str
    url: re.Pattern[str]
    takes_secret: bool = False
    needs_secret: bool = False

    @property
    def is_ecr(self) -> bool:
        """Whether the upstream is another private ECR registry, which authenticates by IAM."""
        return self.name == "ecr"


def _open(name: str, url: str) -> UpstreamKind:
    return UpstreamKind(name, re.compile(url))


def _guarded(name: str, url: str) -> UpstreamKind:
    return UpstreamKind(name, re.compile(url), takes_secret=True, needs_secret=True)


UPSTREAM_KINDS = (
    _open("ecr-public", r"public\.ecr\.aws"),
    _open("k8s", r"registry\.k8s\.io"),
    _open("quay", r"quay\.io"),
    _guarded("docker-hub", r"registry-1\.docker\.io"),
    _guarded("github-container-registry", r"ghcr\.io"),
    _guarded("gitlab-container-registry", r"registry\.gitlab\.com"),
    _guarded("chainguard", r"cgr\.dev"),
    _guarded("azure-container-registry", r"[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*\.azurecr\.io"),
    _open("ecr", r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?"),
)


def find_upstream_kind(url: str, allowed: Container[str] = ()) -> UpstreamKind | None:
    """The kind of upstream that a rule's URL names; the comparison is case-sensitive, as ECR's is.

    ``allowed`` are the hosts, with their ports, that the operator lets rules name as well.
    """
    known = next((kind for kind in UPSTREAM_KINDS if kind.url.fullmatch(url)), None)
    if known is None and url in allowed:
        return UpstreamKind("", re.compile(re.escape(url)), takes_secret=True)
    return known


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
