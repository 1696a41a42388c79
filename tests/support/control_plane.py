"""A control plane alone: the real store and services, with dictionaries in place of other services."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.kept_documents import KeptDocuments
from ecr_emulator.companions.signer.signing import CompanionSigner
from ecr_emulator.control.app import ControlApp
from ecr_emulator.control.caller import Callers
from ecr_emulator.domain.access.policies import Policies
from ecr_emulator.domain.access.request import Principal
from ecr_emulator.domain.addresses import Addresses
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.errors import SecretNotFoundException
from ecr_emulator.ports.identities import AccessKey, Identity
from ecr_emulator.ports.secrets import Credential
from ecr_emulator.ports.upstream import UpstreamCost, UpstreamState
from ecr_emulator.ports.upstream_failures import UpstreamAccessDenied, UpstreamFailure
from ecr_emulator.services import Services
from ecr_emulator.services.access import Access
from ecr_emulator.services.access_questions import AccessQuestions
from ecr_emulator.services.background import Background
from ecr_emulator.services.due_work import DueWork
from ecr_emulator.services.garbage_collection import GarbageCollector
from ecr_emulator.services.named_keys import NamedKeys
from ecr_emulator.services.pull_through import BlobDownloads, PullThrough, Referrers
from ecr_emulator.services.pulls import Pulls
from ecr_emulator.services.repositories import NewRepositories
from ecr_emulator.services.request_faults import RequestFaults
from ecr_emulator.services.signatures import Signatures
from ecr_emulator.services.tokens import Tokens
from ecr_emulator.services.uploads import Uploads
from ecr_emulator.services.verification import Verification
from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.storage.store import SqlStore
from ecr_emulator.system import RandomIds, chances
from tests.support.clock import FrozenClock

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HOME = Registry("000000000000", "us-east-1")
ALLOWED = ("docker.elastic.co", "registry.internal:5000")
"""Upstreams that rules may name besides those that ECR allows."""


@dataclass
class KnownSecrets:
    """Secrets by ARN; ``None`` stands for a secret without a credential."""

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
class KnownIdentities:
    """Access keys of principals, and the policies that a principal's ARN has."""

    keys: dict[str, AccessKey] = field(default_factory=dict)
    policies: dict[str, Policies] = field(default_factory=dict)

    def find_key(self, access_key: str) -> AccessKey | None:
        return self.keys.get(access_key)

    def identity_of(self, caller: Caller) -> Identity:
        policies = self.policies.get(caller.principal_arn, Policies())
        return Identity(Principal.of_arn(caller.principal_arn), policies)

    def identity_in_role(self, role_arn: str) -> Identity:
        return Identity(Principal.of_arn(role_arn), self.policies.get(role_arn, Policies()))


@dataclass
class NotedRoles:
    """A list of the service-linked roles that were requested."""

    ensured: list[tuple[str, str]] = field(default_factory=list)

    def has_service_linked_role(self, account: str, service: str) -> bool:
        return (account, service) in self.ensured

    def ensure_service_linked_role(self, account: str, service: str) -> None:
        self.ensured.append((account, service))


@dataclass
class OneUpstream:
    """An upstream without images that answers a ping, or fails with ``failure``."""

    failure: UpstreamFailure | None = None

    def at(self, rule: PullThroughRule) -> Any:  # rather than Upstream: it is never asked for more than a ping
        return self

    def state(self, rule: PullThroughRule) -> UpstreamState:
        return UpstreamState()

    def cost(self, rule: PullThroughRule, name: str) -> UpstreamCost:
        return UpstreamCost()

    def is_here(self, rule: PullThroughRule) -> bool:
        return False

    def ask_anew(self, rule: PullThroughRule, name: str | None = None) -> None:
        """Do nothing: no failure of this upstream is remembered."""

    def ping(self) -> None:
        if self.failure:
            raise self.failure


class ControlPlane:
    """Answers the ECR API alone, strictly: an answer that the model does not describe fails the test."""

    def __init__(
        self,
        directory: Path,
        cleanup: ExitStack,
        background_delay: timedelta = timedelta(),
        *,
        enforces_iam: bool = False,
    ) -> None:
        self.background_delay = background_delay
        self.enforces_iam = enforces_iam
        self.identities = KnownIdentities()
        self.clock = FrozenClock()
        self.secrets = KnownSecrets()
        self.roles = NotedRoles()
        self.keys = NamedKeys()
        companions = Companions(HOME.id)
        self.signer = CompanionSigner(companions, KeptDocuments(companions, None))
        self.upstream = OneUpstream()
        self.services = self._services(directory, cleanup)
        self.callers = Callers(self.identities, HOME, rejects_unknown_keys=enforces_iam)
        self._app = ControlApp(self.services, self.callers, strict=True)

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._app(environ, start_response)

    def _services(self, directory: Path, cleanup: ExitStack) -> Services:
        ids = RandomIds()
        store = SqlStore(directory / "ecr.sqlite", durable=False)
        cleanup.callback(store.close)
        blobs = FileBlobs(directory, durable=False)
        downloads = BlobDownloads(store, blobs, ids, self.clock, self.upstream, make_room=lambda: None)
        cleanup.callback(downloads.close)
        garbage_collector = GarbageCollector(store, blobs)
        referrers = Referrers(store, self.upstream)
        cleanup.callback(referrers.close)
        new_repositories = NewRepositories(self.keys)
        pull_through = PullThrough(
            store, self.clock, self.upstream, downloads, referrers, new_repositories=new_repositories
        )
        cleanup.callback(pull_through.close)
        signatures = Signatures(self.signer, blobs, ids, self.keys)
        background = Background(store, garbage_collector, self.background_delay, signatures=signatures)
        return Services(
            home=HOME,
            clock=self.clock,
            ids=ids,
            store=store,
            blobs=blobs,
            secrets=self.secrets,
            roles=self.roles,
            keys=self.keys,
            new_repositories=new_repositories,
            upstreams=self.upstream,
            tokens=Tokens(b"a signing key for tests"),
            uploads=Uploads(store, blobs, ids, self.clock, new_repositories),
            pulls=Pulls(store, blobs, pull_through, downloads, self.keys),
            referrers=referrers,
            addresses=Addresses(),
            background=background,
            due_work=DueWork(background, self.clock),
            garbage_collector=garbage_collector,
            signatures=signatures,
            faults=RequestFaults(self.clock, chances, self.clock.pause, frozenset),
            verification=Verification(store, blobs, self.upstream, downloads),
            access_questions=AccessQuestions(self.identities, store, self.enforces_iam),
            allowed_upstreams=ALLOWED,
            access=Access(self.identities, store) if self.enforces_iam else None,
        )
