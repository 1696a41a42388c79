"""The upstream registries that ECR supports, with the URLs that rules may name.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from __future__ import annotations

import re
from collections.abc import Container

from ecr_emulator.quick_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UpstreamKind:
    """A kind of upstream registry with its name in the API.

    The name is empty for registries that ECR does not support but ``--allow-upstream`` allows.
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
    """Return the kind of upstream for the URL of a rule, or None. The comparison is case-sensitive, like ECR's.

    ``allowed`` are further hosts, with their ports, that rules may name.
    """
    known = next((kind for kind in UPSTREAM_KINDS if kind.url.fullmatch(url)), None)
    if known is None and url in allowed:
        return UpstreamKind("", re.compile(re.escape(url)), takes_secret=True)
    return known
