"""The ports of upstream registries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.referrer import Referrer


class ManifestHead(NamedTuple):
    """Which manifest a tag points at, as an upstream says.

    ``manifest`` is the manifest itself, if it had to be fetched to know.
    """

    digest: str
    media_type: str
    manifest: StoredManifest | None = None


class RateLimit(NamedTuple):
    """What an upstream said of its rate limit: ``remaining`` requests of ``limit`` in ``window`` seconds."""

    limit: int
    remaining: int
    window: int | None


class Upstream(Protocol):
    """One upstream registry, signed in as one rule says. Every method raises ``UpstreamFailure``."""

    def head_manifest(self, name: str, reference: str) -> ManifestHead:
        """Ask which manifest a tag points at."""

    def manifest(self, name: str, reference: str) -> StoredManifest:
        """Fetch a manifest by tag or digest. The bytes match the digest that was asked for, or announced."""

    def blob(self, name: str, digest: str, size: int, offset: int = 0) -> Iterator[bytes]:
        """The bytes of a blob from an offset on, as they arrive.

        Breaks in the connection are mended underneath; the caller still verifies the digest. ``size`` is what the
        manifest says; the iterator never yields more.
        """

    def referrers(self, name: str, digest: str) -> list[Referrer]:
        """What refers to a digest, wherever the upstream keeps that; none if it knows of none."""

    def hang_up(self) -> None:
        """Use none of the connections any more that are kept: one of them brought something wrong."""

    def ping(self) -> None:
        """Check that the registry answers and accepts the credential."""


class UpstreamState(NamedTuple):
    """What is known of the upstream of a rule without asking it.

    ``address`` is where it is reached, if that is not its own name. ``broken`` is for how many more seconds it is left
    alone because it kept failing, 0 if one request may now find out, None if it is not; ``limited`` is for how many
    more seconds it does not want to be asked, 0 if it does.
    """

    address: str | None = None
    broken: float | None = None
    limited: float = 0.0
    rate_limit: RateLimit | None = None


class Upstreams(Protocol):
    """How to reach upstream registries."""

    def at(self, rule: PullThroughRule) -> Upstream:
        """The upstream of a rule. Raises ``UpstreamFailure`` if its credential cannot be read."""

    def state(self, rule: PullThroughRule) -> UpstreamState:
        """What is known of the upstream of a rule."""

    def ask_anew(self, rule: PullThroughRule, name: str | None = None) -> None:
        """Let the next request to the upstream of a rule through, although it kept failing.

        What it lately did not have or show in the repository of this name, as it calls it, is asked for again. A rate
        limit stays: that was its own wish.
        """
