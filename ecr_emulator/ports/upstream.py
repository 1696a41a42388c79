"""The ports of upstream registries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.referrer import Referrer


class ManifestHead(NamedTuple):
    """The digest and media type of the manifest that a tag points at upstream.

    ``manifest`` is the manifest itself, if the digest could be found only by fetching it.
    """

    digest: str
    media_type: str
    manifest: StoredManifest | None = None


class RateLimit(NamedTuple):
    """The rate limit that an upstream announced: ``remaining`` requests of ``limit`` in ``window`` seconds."""

    limit: int
    remaining: int
    window: int | None


class UpstreamCost(NamedTuple):
    """The number of requests for a repository of an upstream, and of the bytes that the upstream sent for them."""

    requests: int = 0
    received: int = 0


class Upstream(Protocol):
    """One upstream registry, accessed with the credential of one rule. Every method raises ``UpstreamFailure``."""

    def head_manifest(self, name: str, reference: str) -> ManifestHead:
        """Return the digest and media type of the manifest that a tag points at."""

    def manifest(self, name: str, reference: str) -> StoredManifest:
        """Fetch a manifest by tag or digest. Its bytes match the requested digest, or the digest that was announced."""

    def blob(self, name: str, digest: str, size: int, offset: int = 0) -> Iterator[bytes]:
        """Yield the bytes of a blob from an offset on, as they arrive.

        Implementations resume a connection that breaks; the caller verifies the digest. ``size`` is the size in bytes
        that the manifest states; the iterator never yields more.
        """

    def referrers(self, name: str, digest: str) -> list[Referrer]:
        """List the referrers of a digest, by the referrers API or the tag that replaces it; empty if there are none."""

    def hang_up(self) -> None:
        """Reuse none of the idle connections, because one of them delivered wrong bytes."""

    def ping(self) -> None:
        """Check that the registry answers and accepts the credential."""


class UpstreamState(NamedTuple):
    """The state of the upstream of a rule, as known without a request to it.

    ``address`` is the URL that replaces the upstream (``upstream_map``), if any. ``broken`` is the number of seconds
    for which no request is sent because earlier ones failed; 0 if one trial request may be sent now, None if the
    circuit breaker is closed. ``limited`` is the number of seconds until the upstream's rate limit allows requests; 0
    if it does now.
    """

    address: str | None = None
    broken: float | None = None
    limited: float = 0.0
    rate_limit: RateLimit | None = None


class Upstreams(Protocol):
    """The upstream registries of rules."""

    def at(self, rule: PullThroughRule) -> Upstream:
        """Return the upstream of a rule. Raises ``UpstreamFailure`` if its credential cannot be read."""

    def state(self, rule: PullThroughRule) -> UpstreamState:
        """Return the state of the upstream of a rule."""

    def is_here(self, rule: PullThroughRule) -> bool:
        """Return whether the upstream of a rule is a registry of this emulator."""

    def cost(self, rule: PullThroughRule, name: str) -> UpstreamCost:
        """Return what a repository of the upstream has cost it, by requests of any rule.

        Nothing after a start, a reset, or if many other repositories were asked for since. Requests for tokens do not
        count; each attempt and each redirect does.
        """

    def ask_anew(self, rule: PullThroughRule, name: str | None = None) -> None:
        """Allow the next request to the upstream of a rule, even if earlier ones failed.

        Negative answers for the upstream's repository ``name`` are forgotten, too. A rate limit stays, because the
        upstream set it.
        """
