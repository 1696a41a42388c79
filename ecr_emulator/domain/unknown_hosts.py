"""Hosts that no rule can name, with the upstream that was probably meant. Users misspell hosts of upstreams."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from ecr_emulator.domain.names import REGION, is_account_id
from ecr_emulator.domain.upstreams import find_upstream_kind

UPSTREAMS = (
    "public.ecr.aws",
    "registry.k8s.io",
    "quay.io",
    "registry-1.docker.io",
    "ghcr.io",
    "registry.gitlab.com",
    "cgr.dev",
)
"""The upstreams of ECR with a fixed host name."""
TOKEN_SERVICES = {"auth.docker.io": "registry-1.docker.io", "gitlab.com": "registry.gitlab.com"}
"""The upstreams whose token services have another host. If the upstream is mapped, its token service may be, too."""
OTHER_NAMES = {
    "docker.io": "registry-1.docker.io",
    "index.docker.io": "registry-1.docker.io",
    "hub.docker.com": "registry-1.docker.io",
    "registry.hub.docker.com": "registry-1.docker.io",
    "docker.com": "registry-1.docker.io",
    "github.com": "ghcr.io",
    "docker.pkg.github.com": "ghcr.io",
    "k8s.gcr.io": "registry.k8s.io",
    "gallery.ecr.aws": "public.ecr.aws",
    "ecr.aws": "public.ecr.aws",
    "chainguard.dev": "cgr.dev",
}
"""Other names of upstreams, which users may write by mistake, and their registry hosts."""
REDIRECT_TARGETS = (
    "amazonaws.com",
    "blob.core.windows.net",
    "cloudflarestorage.com",
    "cloudfront.net",
    "docker.com",
    "githubusercontent.com",
    "gitlab-static.net",
    "pkg.dev",
    "quay.io",
)
"""Domains of the hosts to which upstreams redirect requests for layers and manifests."""

_ALIKE = 0.75
"""Minimum similarity of a suggestion, from 0 to 1. ``qauy.io`` is similar to ``quay.io`` but
``registry.example.com`` is not similar to ``registry.gitlab.com``."""


def mapping_warnings(mapped: Collection[str], allowed: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each host of an upstream map that is neither an upstream of ECR nor allowed."""
    hosts = [host.lower() for host in mapped]
    for host in hosts:
        reason = "" if TOKEN_SERVICES.get(host) in hosts else reason_against(host, allowed)
        if reason:
            yield (
                f"--upstream-map {host}=…: {reason} "
                "Now the entry is used only if an upstream sends requests for tokens or layers to this host."
            )


def reason_against(host: str, allowed: Collection[str]) -> str:
    """Return a sentence if no rule can name a host: it is neither an upstream of ECR nor ``allowed``; else nothing."""
    known = {each.lower() for each in allowed}
    if find_upstream_kind(host.lower(), known):
        return ""
    meant = _meant(host.lower(), known)
    question = f"Did you mean {meant}?" if meant else f"--allow-upstream {host} lets rules name it."
    return f"no rule can name {host}, which is neither an upstream of ECR nor allowed. {question}"


def serves_upstreams(host: str) -> bool:
    """Tell whether an upstream of ECR sends requests for tokens, layers or manifests to a host."""
    name = host.lower()
    is_target = name not in OTHER_NAMES and any(name.endswith(f".{domain}") for domain in REDIRECT_TARGETS)
    return name in TOKEN_SERVICES or is_target


def _meant(host: str, allowed: Collection[str]) -> str | None:
    from difflib import get_close_matches

    name = host.rpartition("//")[2].partition("/")[0].partition(":")[0]
    other = OTHER_NAMES.get(name) or TOKEN_SERVICES.get(name)
    alike = get_close_matches(name, [*UPSTREAMS, *allowed, *_built_like(name)], n=1, cutoff=_ALIKE)
    return other or next(iter(alike), None)


def _built_like(name: str) -> Iterator[str]:
    """Yield the upstream hosts with a user's part in their name, with the part that this name has."""
    first = name.partition(".")[0]
    yield f"{first}.azurecr.io"
    region = re.search(rf"{REGION}\b", name)
    if is_account_id(first) and region:
        yield f"{first}.dkr.ecr.{region[0]}.amazonaws.com"
