"""The upstream adapter, connected to scripted upstreams, without pauses between retries."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.ports.secrets import Credential
from ecr_emulator.ports.upstream_failures import UpstreamFailure
from ecr_emulator.testing.upstream.images import image
from ecr_emulator.upstream.addresses import UpstreamMap
from ecr_emulator.upstream.client import HttpUpstream, HttpUpstreams
from ecr_emulator.upstream.retries import Retries
from tests.support.clock import FrozenClock

REGISTRY = Registry("123456789012", "eu-central-1")
HUB = "registry-1.docker.io"
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf"

NAME = "library/nginx"
NGINX = image("nginx")
CREDENTIAL = Credential("somebody", "dckr_pat_1")


@dataclass
class Secrets:
    """A secret source with at most one credential."""

    held: Credential | None = None

    def check_exists(self, arn: str, registry: Registry) -> None:
        assert (arn, registry) == (SECRET, REGISTRY)

    def credential(self, arn: str, registry: Registry) -> Credential:
        assert (arn, registry) == (SECRET, REGISTRY)
        assert self.held is not None
        return self.held


@dataclass
class Adapter:
    """Makes upstreams that reach ``addresses``; ``pauses`` are those it would have made, in seconds.

    Rests are over when its clock is advanced.
    """

    stack: ExitStack
    addresses: dict[str, str] = field(default_factory=dict)
    pauses: list[float] = field(default_factory=list)
    secrets: Secrets = field(default_factory=Secrets)
    idle: float = 5.0
    clock: FrozenClock = field(default_factory=FrozenClock)

    def upstreams(self) -> HttpUpstreams:
        retries = Retries(
            connect_timeout=2.0,
            document_timeout=self.idle,
            blob_timeout=self.idle,
            pause=self.pauses.append,
            elapsed=self.clock.elapsed,
        )
        upstreams = HttpUpstreams(self.secrets, UpstreamMap(self.addresses), retries)
        self.stack.callback(upstreams.close)
        return upstreams

    def at(self, host: str = HUB, credential: Credential | None = None) -> HttpUpstream:
        """Return the upstream of a new adapter, without remembered state."""
        self.secrets.held = credential
        return self.upstreams().at(a_rule(host, SECRET if credential else None))


def a_rule(host: str = HUB, credential_arn: str | None = None) -> PullThroughRule:
    created = datetime(2026, 1, 1, tzinfo=UTC)
    return PullThroughRule(REGISTRY, "hub", host, "docker-hub", created, created, credential_arn)


def outcome(upstream: HttpUpstream, reference: str = "latest") -> StoredManifest | UpstreamFailure:
    """Return the manifest of the image, or the failure."""
    try:
        return upstream.manifest(NAME, reference)
    except UpstreamFailure as failure:
        return failure


def later(adapter: Adapter, **by: float) -> None:
    """Move the clock of an adapter."""
    adapter.clock.advance(timedelta(**by))
