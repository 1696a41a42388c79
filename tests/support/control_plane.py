"""A control plane of its own: the real store and services, with dictionaries where the world outside would be."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_emulator.control.app import control_app
from ecr_emulator.domain.addresses import Addresses
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.errors import SecretNotFoundException, UpstreamAccessDenied, UpstreamFailure
from ecr_emulator.ports import Credential
from ecr_emulator.services import Services
from ecr_emulator.services.background import Background
from ecr_emulator.services.collection import Collector
from ecr_emulator.services.downloads import Downloads
from ecr_emulator.services.pull_through import PullThrough
from ecr_emulator.services.pulls import Pulls
from ecr_emulator.services.referrers import Referrers
from ecr_emulator.services.tokens import Tokens
from ecr_emulator.services.uploads import Uploads
from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.storage.unit_of_work import SqlStore
from ecr_emulator.system import RandomIds
from tests.support.clock import FrozenClock

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HOME = Registry("000000000000", "us-east-1")
ALLOWED = ("docker.elastic.co", "registry.internal:5000")
"""The upstreams that rules may name besides those that ECR takes."""


@dataclass
class KnownSecrets:
    """Secrets by ARN; None stands for a secret that is not what pull through needs."""

    secrets: dict[str, Credential | None] = field(default_factory=dict)

    def check_exists(self, arn: str, registry: Registry) -> None:
        if arn not in self.secrets:
            raise SecretNotFoundException

    def credential(self, arn: str, registry: Registry) -> Credential:
        credential = self.secrets.get(arn)
        if credential is None:
            raise UpstreamAccessDenied("the secret does not hold username and accessToken")
        return credential


@dataclass
class NotedRoles:
    """The service-linked roles that were asked for."""

    ensured: list[tuple[str, str]] = field(default_factory=list)

    def ensure_service_linked_role(self, account: str, service: str) -> None:
        self.ensured.append((account, service))


@dataclass
class OneUpstream:
    """An upstream that answers, or fails as told; it has no images."""

    failure: UpstreamFailure | None = None

    def at(self, rule: PullThroughRule) -> OneUpstream:
        return self

    def ping(self) -> None:
        if self.failure:
            raise self.failure


class ControlPlane:
    """Answers the ECR API alone, strictly: what the model does not foresee fails the test."""

    def __init__(self, directory: Path, cleanup: ExitStack, background_delay: timedelta = timedelta()) -> None:
        self.background_delay = background_delay
        self.clock = FrozenClock()
        self.secrets = KnownSecrets()
        self.roles = NotedRoles()
        self.upstream = OneUpstream()
        self.services = self._services(directory, cleanup)
        self.identities: dict[str, tuple[str, str]] = {}
        self._app = control_app(self.services, self.identities.get, strict=True)

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.services.background.catch_up(self.clock.now())
        return self._app(environ, start_response)

    def _services(self, directory: Path, cleanup: ExitStack) -> Services:
        ids = RandomIds()
        store = SqlStore(directory / "ecr.sqlite", durable=False)
        cleanup.callback(store.close)
        blobs = FileBlobs(directory, durable=False)
        downloads = Downloads(store, blobs, ids, self.clock, self.upstream, make_room=lambda: None)
        cleanup.callback(downloads.close)
        collector = Collector(store, blobs)
        referrers = Referrers(store, self.upstream)
        cleanup.callback(referrers.close)
        pull_through = PullThrough(store, self.clock, self.upstream, downloads, referrers)
        cleanup.callback(pull_through.close)
        return Services(
            home=HOME,
            clock=self.clock,
            ids=ids,
            store=store,
            blobs=blobs,
            secrets=self.secrets,
            roles=self.roles,
            upstreams=self.upstream,
            tokens=Tokens(b"a signing key for tests"),
            uploads=Uploads(store, blobs, ids),
            pulls=Pulls(store, blobs, pull_through, downloads),
            referrers=referrers,
            addresses=Addresses(),
            background=Background(store, collector, self.background_delay),
            collector=collector,
            allowed_upstreams=ALLOWED,
        )
